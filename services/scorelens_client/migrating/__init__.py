"""Moving the records of one store to another, over the contract that all stores keep."""
