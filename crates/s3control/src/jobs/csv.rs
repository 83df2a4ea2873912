//! The rows of a manifest: CSV without a header, keys percent-encoded.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-create-job.html#specify-batchjob-manifest>

use percent_encoding::percent_decode_str;

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
}

/// Where a manifest has its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    pub bucket: usize,
    pub key: usize,
    pub version_id: Option<usize>,
    /// Of inventory reports: such rows are no objects.
    pub is_delete_marker: Option<usize>,
}

impl Columns {
    /// From the names of the fields. `None` where bucket or key is missing.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Columns> {
        let names: Vec<&str> = names.into_iter().map(str::trim).collect();
        let position = |wanted: &str| names.iter().position(|name| *name == wanted);
        Some(Columns {
            bucket: position("Bucket")?,
            key: position("Key")?,
            version_id: position("VersionId"),
            is_delete_marker: position("IsDeleteMarker"),
        })
    }
}

/// The longest line that is looked at.
const LONGEST: usize = 64 * 1024;

/// The fields of a line, of which each may be in quotes.
pub fn fields(line: &str) -> Option<Vec<String>> {
    if line.len() > LONGEST {
        return None;
    }
    let mut fields = vec![];
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            None => match rest.find(',') {
                Some(end) => (rest.get(..end)?.to_owned(), rest.get(end..)?),
                None => (rest.to_owned(), ""),
            },
            Some(quoted) => {
                let mut field = String::new();
                let mut left = quoted;
                loop {
                    let end = left.find('"')?;
                    field.push_str(left.get(..end)?);
                    left = left.get(end + 1..)?;
                    match left.strip_prefix('"') {
                        Some(more) => {
                            field.push('"');
                            left = more;
                        }
                        None => break,
                    }
                }
                (field, left)
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return after.is_empty().then_some(fields),
        }
    }
}

/// One row. `None`: the line is no row of the manifest.
pub fn row(line: &str, columns: Columns) -> Option<Row> {
    let fields = fields(line)?;
    let field = |index: usize| fields.get(index).map(String::as_str);
    let version_id = columns.version_id.and_then(field).filter(|version| !version.is_empty() && *version != "null");
    let key = percent_decode_str(field(columns.key)?).decode_utf8().ok()?.into_owned();
    let bucket = field(columns.bucket)?.to_owned();
    (!key.is_empty() && !bucket.is_empty()).then(|| Row { bucket, key, version_id: version_id.map(str::to_owned) })
}

/// Whether the row of an inventory report is a delete marker.
pub fn is_delete_marker(line: &str, columns: Columns) -> bool {
    let marker = columns.is_delete_marker.and_then(|index| fields(line)?.get(index).cloned());
    marker.is_some_and(|marker| marker.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_and_without_quotes() {
        let columns = Columns::of(["Bucket", "Key", "VersionId"]).unwrap();
        let of = |bucket: &str, key: &str, version: Option<&str>| {
            Some(Row { bucket: bucket.into(), key: key.into(), version_id: version.map(Into::into) })
        };
        assert_eq!(row("b,a%20b/c.txt", columns), of("b", "a b/c.txt", None));
        assert_eq!(row("\"b\",\"a%2Cb\",\"v1\"", columns), of("b", "a,b", Some("v1")));
        assert_eq!(row("b,k,", columns), of("b", "k", None));
        assert_eq!(fields("\"a\"\"b\",c").unwrap(), ["a\"b", "c"]);
        for line in ["", "b", "b,", "b,%FF", "\"b,k", "\"b\"x,k"] {
            assert_eq!(row(line, columns), None, "{line}");
        }
        assert_eq!(Columns::of(["Key"]), None);
        let inventory = Columns::of("Bucket, Key, VersionId, IsLatest, IsDeleteMarker".split(',')).unwrap();
        assert!(is_delete_marker("\"b\",\"k\",\"v\",\"true\",\"true\"", inventory));
    }
}
