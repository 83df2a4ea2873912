//! The words all AWS services share.
