//! Digests of bytes: the checksum algorithms AWS uses, streaming, and how they combine.
