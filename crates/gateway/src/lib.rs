//! The front door: recognize, authenticate, decode, encode, stream.
