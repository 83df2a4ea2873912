//! The engine through the cloud, with a stopped clock, and no HTTP.

mod acceleration;
mod access;
mod access_oracle;
mod annotations;
mod buckets;
mod checksums;
mod conditional;
mod copies;
mod deletes;
mod encryption;
pub mod fixture;
mod inventory;
mod lifecycle;
mod lists;
mod logging;
mod multipart;
mod notifications;
mod object_lock;
mod objects;
mod permissions;
mod recovery;
mod replication;
mod restore;
mod tags;
mod versions;
