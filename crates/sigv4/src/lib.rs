//! AWS request signatures: canonical request, header, presigned, POST form, chunked, SigV4A, SigV2. No I/O, no clock.
