"""The relay: passes HTTP/2 frames between callers and a gRPC server, and records what passes.

frames, headers, messages, strip, gate, capture     pure parts, each with one concern
flow, link                                          the windows and the calls of one connection
caller, upstream, connection                        its two sides, put together: bytes in, bytes out, no sockets
edge, __main__                                      sockets, TLS, signals
"""
