"""Where the same records are in Kibana: addresses of its pages, and the settings that name it."""
