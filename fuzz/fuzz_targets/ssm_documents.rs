//! Documents of Systems Manager: what is read is read again from what is written of it, and variables are replaced without end nor panic.
#![no_main]

use cloudlet_ssm_document::{DocumentType, Format, Given, Steps, named_in, parameters_in, read, substitute, validate, write};
use libfuzzer_sys::fuzz_target;

const TYPES: [DocumentType; 4] = [DocumentType::Command, DocumentType::Policy, DocumentType::Session, DocumentType::Package];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let format = if first & 1 == 0 { Format::Json } else { Format::Yaml };
    let Ok(value) = read(format, text) else { return };
    for other in [Format::Json, Format::Yaml] {
        assert_eq!(read(other, &write(other, &value)).as_ref(), Ok(&value));
    }
    let kind = TYPES[usize::from(first >> 1) % TYPES.len()];
    if let Ok(validated) = validate(kind, format, text, &|_, _, _| Ok(())) {
        let values = validated.parameters.values(&Given::new()).unwrap_or_default();
        if let Some(steps) = Steps::of(&validated.value) {
            for step in &steps.steps {
                substitute(&step.inputs, &|name| values.get(name).cloned());
            }
        }
    }
    named_in(&value);
    parameters_in(&value);
    substitute(&value, &|_| Some(serde_json::Value::Null));
});
