//! Registration: a machine that is no node yet becomes one with the code of an activation.

use crate::{
    identity::{Identity, NewKey},
    options::Options,
    service::{Request, client, deliver, json_of, rest, text_of},
};
use cloudlet_engine::Runtime;
use serde_json::json;
use std::{fs, os::unix::fs::DirBuilderExt, time::Duration};

/// Who the machine is: as it was registered before, or now.
pub async fn identity_of_machine(options: &Options, runtime: &Runtime) -> Result<Identity, String> {
    if let Some(known) = Identity::read(&options.folder)? {
        return Ok(known);
    }
    let Some((id, code)) = &options.activation else {
        return Err(format!("this machine is not registered in {}: --activation ID:CODE registers it", options.folder.display()));
    };
    let fingerprint = runtime.ids.uuid();
    let new = tokio::task::spawn_blocking(move || NewKey::make(fingerprint)).await.map_err(|error| error.to_string())??;
    // Before it is registered, so that no registration is lost for want of a folder.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&options.folder);
    made.map_err(|error| format!("{}: {error}", options.folder.display()))?;
    let node = register(options, runtime, id, code, &new).await?;
    Identity::write(&options.folder, node, new)
}

/// The id of a new node. The server may still have to start.
async fn register(options: &Options, runtime: &Runtime, activation: &str, code: &str, key: &NewKey) -> Result<String, String> {
    let body = json!({
        "ActivationId": activation,
        "ActivationCode": code,
        "PublicKey": key.public,
        "PublicKeyType": "Rsa",
        "Fingerprint": key.fingerprint,
    });
    let endpoint = options.endpoint.trim_end_matches('/');
    let mut wait = Duration::from_millis(500);
    loop {
        let mut request = Request::json("ssm", "AmazonSSM.RegisterManagedInstance", body.to_string());
        // AWS: the host names the region, as there is no signature that does.
        request.headers.push(("host", format!("ssm.{}.amazonaws.com", options.region.as_str())));
        match deliver(&client(), endpoint, request, vec![]).await {
            Ok(response) => return text_of(&json_of(&response), "InstanceId").ok_or_else(|| "the server gave no id".to_owned()),
            Err(fault) if fault.status() < 500 => return Err(format!("the machine cannot be registered: {}: {}", fault.code(), fault.message())),
            Err(fault) => {
                tracing::warn!(target: "cloudlet", "the server cannot be reached yet: {}", fault.message());
                rest(runtime, wait).await;
                wait = (wait * 2).min(Duration::from_secs(30));
            }
        }
    }
}
