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
mod cipher;
mod data_folder;
mod database;
mod expiring;
mod journal;
mod json;
mod persistent;
mod record;
mod secret;
mod snapshot;
mod store;
mod store_map;
mod table;
mod tables;

pub use blobs::{Blob, BlobId, BlobReader, BlobWriter, Blobs, Checked, KnownBodies, PendingBlob, Swept, held_bodies, known_bodies, renamed_bodies};
pub use cipher::MasterKey;
pub use data_folder::{DataFolder, DataFolderOptions, Encryption};
pub use database::Database;
pub use expiring::{Expires, ExpiringTable};
pub use journal::{Backend, InMemory, Journal, JournalWriter};
pub use json::Json;
pub use persistent::{Listing, Page, Persistent, RowView, Selection, replay, select};
pub use record::{Change, Record, StoreEvent, Unreadable};
pub use secret::{Secret, as_secret, unless_inspected};
pub use snapshot::{SnapshotDecoder, SnapshotEncoder, SnapshotError, SnapshotHeader, SnapshotPart};
pub use store::Store;
pub use store_map::{MappedStore, StoreMap};
pub use table::{AnyTable, Key, Row, Table, Undo};
pub use tables::Tables;
