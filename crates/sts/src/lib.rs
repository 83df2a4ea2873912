//! STS: who am I, and whose key is this.
