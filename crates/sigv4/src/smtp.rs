//! The password of an IAM user for SMTP: it is derived from the secret of an access key, much as a signing key is.
//! <https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html>

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine, prelude::BASE64_STANDARD};

const VERSION: u8 = 4;

/// The password of a secret in a region.
pub fn password(secret: &str, region: &str) -> String {
    let keyed = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    // The date is the same for ever.
    let mut key = keyed(format!("AWS4{secret}").as_bytes(), "11111111");
    for text in [region, "ses", "aws4_request", "SendRawEmail"] {
        key = keyed(key.as_ref(), text);
    }
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(key.as_ref());
    BASE64_STANDARD.encode(bytes)
}

/// Whether a password is that of a secret in a region, in a time that does not depend on where they differ.
pub fn is_password(given: &str, secret: &str, region: &str) -> bool {
    constant_time::verify_slices_are_equal(given.as_bytes(), password(secret, region).as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_those_of_aws() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        for (region, expected) in [
            ("us-east-1", "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9"),
            ("ap-northeast-1", "BEBMrlH2tcrvRtSfkd6WbOlpfHSCPAV60ZayJ9ZqHS5c"),
            ("eu-west-1", "BMW5RDrXmmVs0lV7GpI4oLkHXpZ4stDsk6q91z1g38Pk"),
        ] {
            assert_eq!(password(secret, region), expected);
            assert!(is_password(expected, secret, region));
        }
        assert!(!is_password("BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9", secret, "eu-west-1"));
    }
}
