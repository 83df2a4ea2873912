//! Who exists and what they may do: keys, sessions, principals and their policies.
