//! From AWS's spelling to Rust's.

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum", "extern", "false", "final", "fn",
    "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static",
    "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Words whose capitals mislead.
const JOINED: &[(&str, &str)] =
    &[("DSSEKMS", "DsseKms"), ("SSEKMS", "SseKms"), ("ETag", "Etag"), ("GiB", "Gib"), ("IPv", "Ipv"), ("VCPU", "Vcpu"), ("VCpu", "Vcpu")];

/// The words of a name: `MD5OfBody` is `md5 of body`, `KMSKeyId` is `kms key id`, `x-amz-id` is `x amz id`.
fn words(name: &str) -> Vec<String> {
    let name = JOINED.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to));
    let characters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (index, &letter) in characters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = index.checked_sub(1).and_then(|index| characters.get(index)).copied().unwrap_or(' ');
        let after = characters.get(index + 1).copied().unwrap_or(' ');
        let opens = letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || after.is_ascii_lowercase());
        // `ARNs`, `IDs`: a plural s is no word of its own.
        let plural = after == 's' && !characters.get(index + 2).is_some_and(char::is_ascii_lowercase) && before.is_ascii_uppercase();
        if opens && !plural && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter.to_ascii_lowercase());
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A field: `QueueUrl` is `queue_url`.
pub fn field(name: &str) -> String {
    let field = words(name).join("_");
    match field.as_str() {
        "self" | "super" | "crate" => format!("{field}_"),
        word if KEYWORDS.contains(&word) => format!("r#{field}"),
        _ => field,
    }
}

/// What the derive makes of a field, to know when the name must be said.
pub fn of_field(field: &str) -> String {
    field.trim_start_matches("r#").split('_').map(upper_first).collect()
}

/// A type: as AWS writes it, with a capital.
pub fn type_name(name: &str) -> String {
    upper_first(&name.chars().filter(char::is_ascii_alphanumeric).collect::<String>())
}

/// A constant: `QueueDoesNotExist` is `QUEUE_DOES_NOT_EXIST`.
pub fn constant(name: &str) -> String {
    words(name).join("_").to_ascii_uppercase()
}

pub fn upper_first(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_read_as_words() {
        for (name, expected) in [
            ("QueueUrl", "queue_url"),
            ("MD5OfMessageBody", "md5_of_message_body"),
            ("KMSMasterKeyID", "kms_master_key_id"),
            ("AWSAccountIds", "aws_account_ids"),
            ("PolicyARNs", "policy_arns"),
            ("ETag", "etag"),
            ("ChecksumCRC32C", "checksum_crc32c"),
            ("CidrIPv6", "cidr_ipv6"),
            ("SSEKMSKeyId", "sse_kms_key_id"),
            ("SSECustomerKeyMD5", "sse_customer_key_md5"),
            ("Type", "r#type"),
            ("x-amz-id", "x_amz_id"),
            ("Ipv6CidrBlock", "ipv6_cidr_block"),
        ] {
            assert_eq!(field(name), expected);
        }
    }
}
