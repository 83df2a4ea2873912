//! Places in S3 as documents write them: `s3://bucket/key`, or the address of an object.

/// An object, or all below a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Place {
    pub bucket: String,
    pub key: String,
}

/// `s3://b/k`, `https://b.s3.region.amazonaws.com/k`, `https://s3.amazonaws.com/b/k`, and the same on the server's own address (`own`).
pub fn parse(url: &str, own: &str) -> Option<S3Place> {
    let place = |path: &str| {
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        (!bucket.is_empty()).then(|| S3Place { bucket: bucket.to_owned(), key: decoded(key) })
    };
    if let Some(path) = url.strip_prefix("s3://") {
        return place(path);
    }
    let own_host = own.split_once("://").map_or(own, |(_, host)| host);
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split('?').next().unwrap_or(path);
    if host == own_host {
        return place(path);
    }
    let name = host.split(':').next().unwrap_or(host);
    let of_aws = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn"))?;
    if of_aws == "s3" || of_aws.starts_with("s3.") || of_aws.starts_with("s3-") {
        return place(path);
    }
    let at = of_aws.find(".s3")?;
    let (bucket, service) = of_aws.split_at_checked(at)?;
    let is_s3 = service == ".s3" || service.starts_with(".s3.") || service.starts_with(".s3-");
    is_s3.then(|| S3Place { bucket: bucket.to_owned(), key: decoded(path) })
}

/// A path of a URL without its escapes; what is none stays.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => hex_digit(*high).zip(hex_digit(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| path.to_owned())
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_name_bucket_and_key() {
        let own = "http://localhost:4566";
        for url in [
            "s3://bucket/a/b%20c",
            "https://s3.amazonaws.com/bucket/a/b%20c",
            "https://s3.eu-west-1.amazonaws.com/bucket/a/b%20c",
            "https://s3-eu-west-1.amazonaws.com/bucket/a/b%20c",
            "https://bucket.s3.amazonaws.com/a/b%20c",
            "https://bucket.s3.eu-west-1.amazonaws.com/a/b%20c?versionId=1",
            "http://localhost:4566/bucket/a/b%20c",
        ] {
            let expected = if url.contains("%20c?") || url.contains("%20c") { "a/b c" } else { "" };
            assert_eq!(parse(url, own), Some(S3Place { bucket: "bucket".into(), key: expected.into() }), "{url}");
        }
        for url in ["https://example.com/bucket/a", "ftp://x", "s3://", "https://x.sqs.amazonaws.com/a"] {
            assert_eq!(parse(url, own), None, "{url}");
        }
    }
}
