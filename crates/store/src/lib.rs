//! Tables, the stores that own them, and the journal of their writes; and blobs, the bodies of objects and mails.
//! A write happens whole, and is one record of the journal, or not at all. Memory answers every read.
//!
//! ```
//! use cloudlet_store::{Journal, Store, Table, tables};
//!
//! #[derive(Default)]
//! struct State {
//!     topics: Table<String, u32>,
//! }
//! tables!(State { topics });
//!
//! let store = Store::new("sns", &Journal::off(), State::default());
//! let failed: Result<(), &str> = store.write(|state| {
//!     state.topics.insert("news".into(), 1);
//!     Err("no such account")
//! });
//! assert!(failed.is_err() && store.read(|state| state.topics.is_empty()));
//! ```

pub mod as_base64;
pub mod blobs;
mod expiring;
mod journal;
mod json;
mod persistent;
mod record;
mod secret;
mod store;
mod store_map;
mod table;
mod tables;

pub use blobs::{Blob, BlobId, BlobReader, BlobWriter, Blobs, PendingBlob};
pub use expiring::{Expires, ExpiringTable};
pub use journal::{Backend, InMemory, Journal, RowKey};
pub use json::Json;
pub use persistent::{Listing, Page, Persistent, replay};
pub use record::{Change, Record, StoreEvent, Unreadable};
pub use secret::{Secret, as_secret, unless_inspected};
pub use store::Store;
pub use store_map::{MappedStore, StoreMap};
pub use table::{AnyTable, Key, Row, Table, Undo};
pub use tables::Tables;
