//! A future whose type is erased.

use std::{future::Future, pin::Pin};

pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
