import Testing

/// Real TPMs, real TLS, a real store: one test at a time, for each has processes of its own.
@Suite("End to end", .serialized, .timeLimit(.minutes(5))) enum EndToEnd {}
