//! How the AWS SDK for Java 2 spells the names of the model.
//! <https://github.com/aws/aws-sdk-java-v2> `codegen/…/naming/DefaultNamingStrategy`, `utils/…/CodegenNamingUtils`

/// A member: `SSEKMSKeyId` is `SsekmsKeyId`, `ETag` is `ETag`, `stateMachineArn` is `StateMachineArn`.
pub fn member(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len());
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        out.extend(character.to_lowercase());
        at += 1;
        let upper = characters.get(at).is_some_and(|next| next.is_uppercase());
        let word_follows = characters.get(at + 1).is_some_and(|after| after.is_lowercase());
        if !upper || word_follows {
            break;
        }
    }
    out.extend(characters.iter().skip(at));
    capitalized(&out)
}

pub fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// A service or an exception: `DynamoDB` is `DynamoDb`, `SFN` is `Sfn`, `CloudWatch Logs` is `CloudWatchLogs`.
pub fn class(id: &str) -> String {
    let characters: Vec<char> = id.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let after = characters.get(at + 1);
        let separates = match before {
            _ if !character.is_alphanumeric() => true,
            Some(before) if character.is_uppercase() => {
                let camel = before.is_lowercase() && after.is_some_and(|after| after.is_alphanumeric());
                let acronym = before.is_uppercase() && after.is_some_and(|after| after.is_lowercase());
                camel || acronym || before.is_ascii_digit()
            }
            Some(before) => before.is_ascii_digit() && character.is_alphabetic(),
            None => false,
        };
        if separates && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphanumeric() {
            word.push(*character);
        }
    }
    words.push(word);
    words.iter().map(|word| capitalized(&word.to_lowercase())).collect()
}

/// The name of an error: `NoSuchKey` is `NoSuchKeyException`.
pub fn exception(code: &str) -> String {
    let simple = code.rsplit(['.', '#']).next().unwrap_or(code);
    let name = class(simple);
    let base = ["Exception", "Fault", "Error"].iter().find_map(|end| name.strip_suffix(end).filter(|base| !base.is_empty())).unwrap_or(&name);
    format!("{base}Exception")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_spelled_as_in_java() {
        let names = ["SSEKMSKeyId", "ETag", "MD5OfMessageBody", "ACL", "stateMachineArn", "Bucket", "VersionId"];
        let spelled = ["SsekmsKeyId", "ETag", "Md5OfMessageBody", "Acl", "StateMachineArn", "Bucket", "VersionId"];
        assert_eq!(names.map(member), spelled);
    }

    #[test]
    fn classes_are_spelled_as_in_java() {
        assert_eq!(
            ["SFN", "S3", "SQS", "DynamoDB", "CloudWatch Logs", "S3 Control"].map(class),
            ["Sfn", "S3", "Sqs", "DynamoDb", "CloudWatchLogs", "S3Control"]
        );
        let codes = ["NoSuchKey", "NotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "StateMachineDoesNotExist", "NoSuchEntity"];
        let exceptions =
            ["NoSuchKeyException", "NotFoundException", "NonExistentQueueException", "StateMachineDoesNotExistException", "NoSuchEntityException"];
        assert_eq!(codes.map(exception), exceptions);
    }
}
