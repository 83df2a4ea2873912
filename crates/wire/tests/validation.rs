//! AWS's sentences about inputs that break the model. Those marked in the requirements as recorded are quoted to the letter.

use cloudlet_shape::{Blob, Flags, Kind, Map, Shape, Target};
use cloudlet_wire::{json, validate};

static PLAINTEXT: Target = Target::new("Plaintext", Kind::Blob).min(1).max(4096).flags(Flags::SENSITIVE);
static CIPHERTEXT: Target = Target::new("Ciphertext", Kind::Blob).min(1).max(6144);
static BYTES: Target = Target::new("NumberOfBytes", Kind::Integer).min(1).max(1024);
static TAG_KEY: Target = Target::text("TagKey").min(1).max(128);
static TABLE: Target = Target::text("TableName").min(3).max(255).pattern("[a-zA-Z0-9_.-]+");
static ALGORITHM: Target = Target::text("Algorithm").one_of(&["ECDH"]);
static PARAMETER: Target = Target::text("ParameterName").min(1).max(8);
static PARAMETERS: Target = Target::list("Parameters", &PARAMETER).min(1).max(3);
static LABEL: Target = Target::text("Label").max(4).pattern("[a-z]*");
static LABELS: Target = Target::map("Labels", &PARAMETER, &LABEL).max(2);

#[derive(Shape, Clone, Default)]
struct Tag {
    #[shape(of = TAG_KEY)]
    tag_key: String,
    tag_value: Option<String>,
}

#[derive(Shape, Clone, Default)]
struct Attribute {
    data_type: String,
}

#[derive(Shape, Clone, Default)]
struct Input {
    table_name_of_old: Option<String>,
    #[shape(of = PLAINTEXT)]
    plaintext: Option<Blob>,
    #[shape(of = CIPHERTEXT)]
    ciphertext: Option<Blob>,
    #[shape(of = BYTES)]
    number_of_bytes: Option<i32>,
    tags: Option<Vec<Tag>>,
    #[shape(of = TABLE)]
    table_name: Option<String>,
    #[shape(of = ALGORITHM)]
    key_agreement_algorithm: Option<String>,
    message_attributes: Option<Map<Attribute>>,
    #[shape(of = PARAMETERS)]
    names: Option<Vec<String>>,
    #[shape(of = LABELS)]
    labels: Option<Map<String>>,
    #[shape(token)]
    token: String,
}

/// What AWS says to an input, given in the neutral JSON.
fn sentence(text: &str) -> Option<String> {
    let mut input = Input::default();
    let missing = json::read(text, &mut |reader| {
        input = cloudlet_shape::Typed::read(reader, &Target::STRUCTURE)?;
        Ok(())
    });
    validate(Input::SCHEMA, &input, &missing.ok()?)
}

#[test]
fn a_good_input_passes_and_a_token_may_be_left_out() {
    assert_eq!(sentence(r#"{"TableName":"abc","Names":["a"],"Tags":[{"TagKey":"k"}]}"#), None);
}

#[test]
fn each_constraint_has_its_sentence() {
    let long = "a".repeat(129);
    for (input, at) in [
        (
            r#"{"NumberOfBytes":1025}"#,
            "Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024",
        ),
        (r#"{"NumberOfBytes":0}"#, "Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1"),
        (
            r#"{"TableName":"/table"}"#,
            "Value '/table' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ),
        (
            r#"{"KeyAgreementAlgorithm":"INVALID"}"#,
            "Value 'INVALID' at 'keyAgreementAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [ECDH]",
        ),
        (
            r#"{"MessageAttributes":{"attr1":{}}}"#,
            "Value null at 'messageAttributes.attr1.member.dataType' failed to satisfy constraint: Member must not be null",
        ),
        (
            &format!(r#"{{"Tags":[{{"TagKey":"{long}"}}]}}"#),
            &format!("Value '{long}' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128"),
        ),
        (r#"{"Plaintext":""}"#, "Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1"),
        (
            r#"{"Ciphertext":""}"#,
            "Value 'java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]' at 'ciphertext' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (r#"{"Names":[]}"#, "Value '[]' at 'names' failed to satisfy constraint: Member must have length greater than or equal to 1"),
        (
            r#"{"Names":["a",""]}"#,
            "Value '[a, ]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal to 1]",
        ),
        (
            r#"{"Labels":{"k":"A"}}"#,
            "Value '{k=A}' at 'labels' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 4, Member must satisfy regular expression pattern: [a-z]*]",
        ),
        (
            r#"{"Labels":{"":"a"}}"#,
            "Value '{=a}' at 'labels' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal to 1]",
        ),
    ] {
        assert_eq!(sentence(input), Some(format!("1 validation error detected: {at}")), "{input}");
    }
}

#[test]
fn several_violations_are_counted_and_told_together() {
    assert_eq!(
        sentence(r#"{"NumberOfBytes":0,"TableName":"/"}"#).as_deref(),
        Some(
            "3 validation errors detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1; \
             Value '/' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3; \
             Value '/' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )
    );
}

#[test]
fn a_member_that_is_missing_is_not_judged_by_its_default() {
    assert_eq!(
        sentence(r#"{"Tags":[{"TagKey":"a"},{}]}"#).as_deref(),
        Some("1 validation error detected: Value null at 'tags.2.member.tagKey' failed to satisfy constraint: Member must not be null")
    );
}

#[test]
fn violations_without_end_are_told_up_to_a_bound() {
    let tags = vec![r#"{"TagKey":""}"#; 5000].join(",");
    let sentence = sentence(&format!(r#"{{"Tags":[{tags}]}}"#)).unwrap_or_default();
    assert!(sentence.starts_with("128 validation errors detected: "), "{sentence:.80}");
}
