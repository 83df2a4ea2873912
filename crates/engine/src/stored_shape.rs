//! Configurations as rows: what a client has put is stored, and answered, in the shape of the API.

use cloudlet_shape::Shape;
use cloudlet_store::Json;
use cloudlet_wire::{from_json, to_json};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use std::{fmt, ops::Deref, sync::Arc};

/// A shape of the API in a row, in its neutral JSON.
pub struct StoredShape<T>(Arc<T>);

impl<T> Clone for StoredShape<T> {
    fn clone(&self) -> Self {
        StoredShape(self.0.clone())
    }
}

impl<T> Deref for StoredShape<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Shape> StoredShape<T> {
    pub fn new(shape: T) -> StoredShape<T> {
        StoredShape(Arc::new(shape))
    }

    /// The shape, for an answer.
    pub fn shape(&self) -> T {
        T::clone(&self.0)
    }
}

impl<T: Shape> PartialEq for StoredShape<T> {
    fn eq(&self, other: &Self) -> bool {
        to_json(&*self.0) == to_json(&*other.0)
    }
}

impl<T: Shape> fmt::Debug for StoredShape<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_json(&*self.0))
    }
}

impl<T: Shape> Serialize for StoredShape<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let json: Json = serde_json::from_str(&to_json(&*self.0)).map_err(ser::Error::custom)?;
        json.serialize(to)
    }
}

impl<'de, T: Shape> Deserialize<'de> for StoredShape<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(from)?;
        from_json(json.text()).map(StoredShape::new).map_err(|_| de::Error::custom("not a document of this shape"))
    }
}
