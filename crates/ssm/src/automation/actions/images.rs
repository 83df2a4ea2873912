//! Images: `aws:createImage`, `aws:copyImage`, `aws:deleteImage`.

use crate::automation::work::{Outcome, Work};
use serde_json::{Map, Value, json};

async fn available(work: &Work<'_>, image: &str) -> Outcome {
    let answer = match work.call("ec2", "DescribeImages", &json!({"ImageIds": [image]})).await {
        Ok(answer) => answer,
        Err(problem) => return work.refused(&problem),
    };
    let state = answer.get("Images").and_then(|images| images.get(0)?.get("State")?.as_str().map(str::to_owned)).unwrap_or_default();
    match state.as_str() {
        "available" => Work::done(json!({"ImageId": image, "ImageState": state}), None),
        "pending" | "" => Outcome::Again(json!({"ImageId": image})),
        other => work.fails(&format!("Image {image} entered unexpected state: {other}")),
    }
}

async fn made(work: &Work<'_>, api: &str, input: Map<String, Value>) -> Outcome {
    if let Some(image) = work.memo("ImageId").and_then(Value::as_str) {
        return available(work, image).await;
    }
    match work.call("ec2", api, &Value::Object(input)).await {
        Ok(answer) => available(work, answer.get("ImageId").and_then(Value::as_str).unwrap_or_default()).await,
        Err(problem) => work.refused(&problem),
    }
}

fn put(input: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    input.extend(value.map(|value| (name.to_owned(), value.into())));
}

pub async fn create(work: &Work<'_>) -> Outcome {
    let mut input = Map::new();
    put(&mut input, "InstanceId", work.text("InstanceId"));
    put(&mut input, "Name", work.text("ImageName"));
    put(&mut input, "Description", work.text("ImageDescription"));
    put(&mut input, "NoReboot", work.flag("NoReboot"));
    put(&mut input, "BlockDeviceMappings", work.value("BlockDeviceMappings").cloned());
    made(work, "CreateImage", input).await
}

pub async fn copy(work: &Work<'_>) -> Outcome {
    let mut input = Map::new();
    put(&mut input, "SourceImageId", work.text("SourceImageId"));
    put(&mut input, "SourceRegion", work.text("SourceRegion"));
    put(&mut input, "Name", work.text("ImageName"));
    put(&mut input, "Description", work.text("ImageDescription"));
    put(&mut input, "Encrypted", work.flag("Encrypted"));
    put(&mut input, "KmsKeyId", work.text("KmsKeyId"));
    put(&mut input, "ClientToken", work.text("ClientToken"));
    made(work, "CopyImage", input).await
}

/// An image with the snapshots behind it.
pub async fn delete(work: &Work<'_>) -> Outcome {
    let image = work.text("ImageId").unwrap_or_default();
    let described = match work.call("ec2", "DescribeImages", &json!({"ImageIds": [image]})).await {
        Ok(described) => described,
        Err(problem) => return work.refused(&problem),
    };
    if let Err(problem) = work.call("ec2", "DeregisterImage", &json!({"ImageId": image})).await {
        return work.refused(&problem);
    }
    let mappings = described.get("Images").and_then(|images| images.get(0)?.get("BlockDeviceMappings")?.as_array().cloned()).unwrap_or_default();
    for snapshot in mappings.iter().filter_map(|mapping| mapping.get("Ebs")?.get("SnapshotId")?.as_str()) {
        if let Err(problem) = work.call("ec2", "DeleteSnapshot", &json!({"SnapshotId": snapshot})).await {
            return work.refused(&problem);
        }
    }
    Work::done(json!({}), None)
}
