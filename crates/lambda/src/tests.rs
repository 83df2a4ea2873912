mod environments;
mod fixture;
mod functions;
mod invoking;
mod layers;
mod mappings;
mod policies;
mod restart;
mod signing;
mod versions;

pub use environments::resting;
pub use fixture::zip_of;
