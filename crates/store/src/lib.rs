//! Tables that remember, stores, the journal, and blobs.
