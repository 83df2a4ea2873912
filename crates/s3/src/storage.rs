//! Storage classes.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>

use crate::faults;
use cloudlet_aws::Fault;
use serde::{Deserialize, Serialize};

/// The storage classes of general purpose buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    #[default]
    Standard,
    ReducedRedundancy,
    StandardIa,
    OnezoneIa,
    IntelligentTiering,
    Glacier,
    GlacierIr,
    DeepArchive,
}

impl StorageClass {
    const ALL: [StorageClass; 8] = [
        StorageClass::Standard,
        StorageClass::ReducedRedundancy,
        StorageClass::StandardIa,
        StorageClass::OnezoneIa,
        StorageClass::IntelligentTiering,
        StorageClass::Glacier,
        StorageClass::GlacierIr,
        StorageClass::DeepArchive,
    ];

    pub fn of(header: Option<&str>) -> Result<StorageClass, Fault> {
        let Some(name) = header else { return Ok(StorageClass::Standard) };
        StorageClass::ALL.into_iter().find(|class| class.name() == name).ok_or_else(|| faults::invalid_storage_class(name))
    }

    pub const fn name(self) -> &'static str {
        match self {
            StorageClass::Standard => "STANDARD",
            StorageClass::ReducedRedundancy => "REDUCED_REDUNDANCY",
            StorageClass::StandardIa => "STANDARD_IA",
            StorageClass::OnezoneIa => "ONEZONE_IA",
            StorageClass::IntelligentTiering => "INTELLIGENT_TIERING",
            StorageClass::Glacier => "GLACIER",
            StorageClass::GlacierIr => "GLACIER_IR",
            StorageClass::DeepArchive => "DEEP_ARCHIVE",
        }
    }

    /// The value of `x-amz-storage-class`, which is absent for STANDARD.
    pub fn header(self) -> Option<String> {
        (self != StorageClass::Standard).then(|| self.name().to_owned())
    }

    /// Whether an object of this class must be restored before it can be read.
    pub const fn is_archive(self) -> bool {
        matches!(self, StorageClass::Glacier | StorageClass::DeepArchive)
    }
}
