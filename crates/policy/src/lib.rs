//! The IAM policy language: parse, evaluate, decide, explain. No I/O, no clock.
