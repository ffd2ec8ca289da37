"""The relay: passes HTTP/2 frames between callers and a gRPC server, and records what passes.

frames, headers, messages, strip, gate, capture     pure parts, each with one concern
connection                                          puts them together for one caller: bytes in, bytes out, no sockets
edge, __main__                                      sockets, TLS, signals
"""
