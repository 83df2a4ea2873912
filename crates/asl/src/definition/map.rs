//! The fields of Map states, inline and distributed.

use super::{
    diagnostics::Code,
    fields::{Checker, Fields},
    graph,
    types::{Amount, Detail, ItemBatcher, ItemReader, Language, MapFields, ResultWriter, States, WorkflowType},
};
use crate::{jsonata::expression_text, template::Template};
use serde_json::Value;

const DISTRIBUTED_ONLY: [&str; 8] = [
    "Label",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
];
const LONGEST_LABEL: usize = 40;
const MOST: i64 = 100_000_000;

pub(super) fn read(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str, own: &[String]) -> Option<Detail> {
    let name = if fields.contains_key("ItemProcessor") || !fields.contains_key("Iterator") { "ItemProcessor" } else { "Iterator" };
    checker.require(fields, &[name], location);
    for pair in [["ItemProcessor", "Iterator"], ["ItemSelector", "Parameters"]] {
        if pair.iter().all(|name| fields.contains_key(*name)) {
            checker.refuse(format!("Only one of these fields is allowed: [{}]", pair.join(", ")), location);
        }
    }
    let here = format!("{location}/{name}");
    let processor = checker.object(fields.get(name)?, &here)?;
    for name in processor.keys().filter(|name| !["Comment", "StartAt", "States", "ProcessorConfig"].contains(&name.as_str())) {
        checker.refuse(format!("Field '{name}' is not supported"), here.clone());
    }
    let (distributed, execution_type) = processor_config(checker, processor, &here);
    if distributed && checker.workflow == WorkflowType::Express {
        checker.refuse("Express state machine does not support 'DISTRIBUTED' mode", here.clone());
    }
    if !distributed {
        for name in DISTRIBUTED_ONLY.into_iter().filter(|name| fields.contains_key(*name)) {
            checker.refuse(format!("Field '{name}' is not supported"), location);
        }
    }
    let mut map = MapFields {
        processor: States { start_at: String::new(), states: indexmap::IndexMap::new() },
        distributed,
        execution_type,
        label: label(checker, fields, location),
        items_path: checker.string(fields, "ItemsPath", location).and_then(|text| checker.path_text(&text, &format!("{location}/ItemsPath"))),
        items: items(checker, fields, language, location),
        selector: selector(checker, fields, language, location),
        max_concurrency: checker.amount(fields, "MaxConcurrency", (0, MOST), language, location),
        tolerated_count: checker.amount(fields, "ToleratedFailureCount", (0, MOST), language, location),
        tolerated_percentage: checker.amount(fields, "ToleratedFailurePercentage", (0, 100), language, location),
        reader: reader(checker, fields, language, location),
        batcher: batcher(checker, fields, language, location),
        writer: writer(checker, fields, language, location),
        variables: std::mem::take(&mut checker.variables),
        processor_definition: Value::Object(processor.clone()),
    };
    // Children of a distributed map see no outer variables.
    let around = std::mem::take(&mut checker.outer);
    if !distributed {
        checker.outer.clone_from(&around);
        checker.outer.extend(own.iter().cloned());
    }
    let workflow = checker.workflow;
    if distributed {
        checker.workflow = execution_type;
    }
    let states = checker.states(processor, &here);
    checker.workflow = workflow;
    checker.outer = around;
    map.processor = states?;
    graph::check(checker, &map.processor, &here);
    Some(Detail::Map(Box::new(map)))
}

fn processor_config(checker: &mut Checker<'_>, processor: &Fields, location: &str) -> (bool, WorkflowType) {
    let here = format!("{location}/ProcessorConfig");
    let inline = (false, WorkflowType::Standard);
    let Some(config) = processor.get("ProcessorConfig").and_then(|config| checker.object(config, &here)) else { return inline };
    let execution_type = checker.string(config, "ExecutionType", &here);
    match checker.string(config, "Mode", &here).as_deref() {
        None | Some("INLINE") => inline,
        Some("DISTRIBUTED") => match execution_type.as_deref() {
            Some("STANDARD") => (true, WorkflowType::Standard),
            Some("EXPRESS") => (true, WorkflowType::Express),
            Some(_) => {
                checker.refuse("The field 'ExecutionType' should have one of these values: [STANDARD, EXPRESS]", format!("{here}/ExecutionType"));
                (true, WorkflowType::Standard)
            }
            None => {
                checker.require(config, &["ExecutionType"], &here);
                (true, WorkflowType::Standard)
            }
        },
        Some(_) => {
            checker.refuse("The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]", format!("{here}/Mode"));
            inline
        }
    }
}

fn label(checker: &mut Checker<'_>, fields: &Fields, location: &str) -> Option<String> {
    let label = checker.string(fields, "Label", location)?;
    let here = Some(format!("{location}/Label"));
    let wrong = |character: char| character.is_whitespace() || character.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"/".contains(character);
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.contains(wrong) {
        checker.note(Code::InvalidLabelName, format!("Invalid label name: {label}"), here);
    } else if checker.labels.contains(&label) {
        checker.note(Code::DuplicateLabelName, format!("Duplicate label name: {label}"), here);
    }
    checker.labels.push(label.clone());
    Some(label)
}

fn items(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<Template> {
    let items = fields.get("Items")?;
    let fits = items.is_array() || items.is_object() || items.as_str().and_then(expression_text).is_some();
    if !fits && language == Language::Jsonata {
        checker.refuse("Expected value of type Array", format!("{location}/Items"));
    }
    checker.payload(fields, "Items", language, &[], location)
}

fn selector(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<Template> {
    let name = if fields.contains_key("ItemSelector") { "ItemSelector" } else { "Parameters" };
    checker.payload(fields, name, language, &[], location)
}

fn arguments_name(language: Language) -> &'static str {
    if language == Language::Jsonata { "Arguments" } else { "Parameters" }
}

fn reader(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<ItemReader> {
    let here = format!("{location}/ItemReader");
    let reader = checker.object(fields.get("ItemReader")?, &here)?;
    checker.require(reader, &["Resource"], &here);
    let resource = checker.string(reader, "Resource", &here)?;
    let (list, get) = (resource.ends_with(":states:::s3:listObjectsV2"), resource.ends_with(":states:::s3:getObject"));
    if !list && !get {
        checker.refuse("Value is not a valid resource ARN", format!("{here}/Resource"));
    }
    let config_at = format!("{here}/ReaderConfig");
    let config = reader.get("ReaderConfig").and_then(|config| checker.object(config, &config_at)).cloned().unwrap_or_default();
    let kinds = ["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"];
    match config.get("InputType").and_then(Value::as_str) {
        Some(kind) if !kinds.contains(&kind) => {
            checker
                .refuse(format!("The field 'InputType' should have one of these values: [{}]", kinds.join(", ")), format!("{config_at}/InputType"));
        }
        None if get && !config.contains_key("ManifestType") => checker.require(&config, &["InputType"], &config_at),
        _ => {}
    }
    let max_items = checker.amount(&config, "MaxItems", (1, MOST), language, &config_at);
    let arguments = checker.payload(reader, arguments_name(language), language, &[], &here);
    Some(ItemReader { resource, arguments, config: Value::Object(config), max_items })
}

fn batcher(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<ItemBatcher> {
    let here = format!("{location}/ItemBatcher");
    let batcher = checker.object(fields.get("ItemBatcher")?, &here)?;
    let max_items = checker.amount(batcher, "MaxItemsPerBatch", (1, MOST), language, &here);
    let max_bytes = checker.amount(batcher, "MaxInputBytesPerBatch", (1, 262_144), language, &here);
    if max_items == Amount::Absent && max_bytes == Amount::Absent {
        checker.refuse("One of these fields is required: [MaxItemsPerBatch, MaxInputBytesPerBatch]", here.clone());
    }
    let batch_input = checker.payload(batcher, "BatchInput", language, &[], &here);
    Some(ItemBatcher { batch_input, max_items, max_bytes })
}

fn writer(checker: &mut Checker<'_>, fields: &Fields, language: Language, location: &str) -> Option<ResultWriter> {
    let here = format!("{location}/ResultWriter");
    let writer = checker.object(fields.get("ResultWriter")?, &here)?;
    if writer.is_empty() {
        checker.refuse("Value cannot be empty", here.clone());
    }
    let resource = checker.string(writer, "Resource", &here);
    if resource.as_ref().is_some_and(|resource| !resource.ends_with(":states:::s3:putObject")) {
        checker.refuse("Value is not a valid resource ARN", format!("{here}/Resource"));
    }
    let config = writer.get("WriterConfig").cloned();
    for (name, known) in [("Transformation", ["NONE", "COMPACT", "FLATTEN"].as_slice()), ("OutputType", &["JSON", "JSONL"])] {
        let given = config.as_ref().and_then(|config| config.get(name));
        if given.is_some_and(|given| !given.as_str().is_some_and(|given| known.contains(&given))) {
            checker
                .refuse(format!("The field '{name}' should have one of these values: [{}]", known.join(", ")), format!("{here}/WriterConfig/{name}"));
        }
    }
    let arguments = checker.payload(writer, arguments_name(language), language, &[], &here);
    Some(ResultWriter { resource, arguments, config })
}
