//! `aws:executeScript`: Python in a worker of its own, with the automation's role.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-executeScript.html>

use crate::{
    automation::work::{Outcome, Work},
    documents::VersionSelector,
};
use bytes::Bytes;
use cloudlet_engine::{
    Boxed, Language, LocalHttp, LocalRequest, LocalResponse, WorkerFile, WorkerOrder, WorkerValue, fingerprint::Fingerprint, python_sdk, within,
};
use cloudlet_runbook::machine::Done;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::{io::Read, sync::Arc, time::Duration};
use tokio::sync::Notify;

const BOOTSTRAP: &str = include_str!("../bootstraps/script.py");
const SCRIPT: &str = "customer_script.py";
/// AWS: seconds that a script runs at most.
const LONGEST: u64 = 600;
/// Bytes of memory, and of files in `/tmp`.
const MEMORY: u64 = 512 << 20;
const TEMPORARY: u64 = 256 << 20;
/// AWS: bytes of a result, and items of a list.
const RESULT: usize = 100 * 1024;
const ITEMS: usize = 100;
/// Bytes of output that are kept, and of an unpacked attachment.
const OUTPUT: usize = 256 * 1024;
const UNPACKED: u64 = 64 << 20;
const FILES: usize = 2_000;

/// What the script is told, and what it says.
struct Exchange {
    order: Bytes,
    said: Mutex<Option<Result<Value, String>>>,
    heard: Notify,
}

impl LocalHttp for Exchange {
    fn answer(&self, request: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async move {
            let value = || serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
            let said = match (request.method.as_str(), request.path.as_str()) {
                ("GET", "/order") => return LocalResponse { status: 200, headers: vec![], body: self.order.clone() },
                ("POST", "/result") => Ok(value().get_mut("result").map(Value::take).unwrap_or_default()),
                ("POST", "/error") => Err(value().get("message").and_then(Value::as_str).unwrap_or_default().to_owned()),
                _ => return LocalResponse { status: 404, ..LocalResponse::default() },
            };
            *self.said.lock() = Some(said);
            self.heard.notify_one();
            LocalResponse { status: 200, ..LocalResponse::default() }
        })
    }
}

pub async fn execute(work: &Work<'_>) -> Outcome {
    let runtime = work.text("Runtime").unwrap_or_default();
    let Some(version) = runtime.strip_prefix("python") else {
        return work.fails(&format!("Cloudlet runs scripts in Python alone, and not in {runtime}"));
    };
    let workers = &work.ssm.automations.workers;
    let Some(interpreter) = workers.interpreter(Language::Python, version) else {
        return work.fails(&format!("Cloudlet found no Python on this machine, which {runtime} needs"));
    };
    let (files, module, handler) = match code(work) {
        Ok(code) => code,
        Err(what) => return work.fails(&what),
    };
    match run(work, &interpreter.program, files, module, handler).await {
        Ok(outcome) => outcome,
        Err(what) => work.fails(&what),
    }
}

/// The files, the one with the handler, and the handler.
fn code(work: &Work<'_>) -> Result<(Vec<WorkerFile>, String, String), String> {
    let handler = work.text("Handler").unwrap_or_default();
    let file = |path: &str, content: Bytes| WorkerFile { path: path.to_owned(), content, executable: false };
    if let Some(script) = work.text("Script") {
        return Ok((vec![file(SCRIPT, script.into_bytes().into())], SCRIPT.to_owned(), handler));
    }
    let name = work.text("Attachment").unwrap_or_default();
    let found = work.ssm.documents.resolve(work.cx, &work.execution.document, VersionSelector::version(Some(&work.execution.version)));
    let resolved = found.map_err(|fault| format!("The document of the automation is gone: {}", fault.message()))?;
    let attachment = resolved.version.attachments.iter().find(|attachment| *attachment.name == *name);
    let attachment = attachment.ok_or_else(|| format!("The document has no attachment {name}"))?;
    if !name.ends_with(".zip") {
        let function = handler.rsplit('.').next().unwrap_or_default().to_owned();
        return Ok((vec![file(SCRIPT, attachment.bytes.clone())], SCRIPT.to_owned(), function));
    }
    let (module, function) = handler.rsplit_once('.').ok_or_else(|| format!("The Handler must have the form file.function: {handler}"))?;
    Ok((unpack(&attachment.bytes)?, format!("{}.py", module.replace('.', "/")), function.to_owned()))
}

fn unpack(bytes: &Bytes) -> Result<Vec<WorkerFile>, String> {
    let wrong = |error: zip::result::ZipError| format!("The attachment is not a zip file: {error}");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes.as_ref())).map_err(wrong)?;
    let (mut files, mut left) = (Vec::new(), UNPACKED);
    for index in 0..archive.len().min(FILES) {
        let entry = archive.by_index(index).map_err(wrong)?;
        let Some(path) = entry.enclosed_name().filter(|_| !entry.is_dir()) else { continue };
        let path = path.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.take(left.saturating_add(1)).read_to_end(&mut content).map_err(|error| format!("The attachment cannot be read: {error}"))?;
        left = left.checked_sub(content.len() as u64).ok_or("The attachment is too large")?;
        files.push(WorkerFile { path, content: content.into(), executable: false });
    }
    Ok(files)
}

/// The folder of files, under a name that their contents give.
async fn folder(work: &Work<'_>, kind: &str, files: Vec<WorkerFile>) -> Result<String, String> {
    let texts: Vec<String> = files.iter().flat_map(|file| [file.path.clone(), hex::encode(sha2_of(&file.content))]).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let name = format!("{kind}-{}", hex::encode(Fingerprint::of_texts(&texts).as_bytes()));
    if !work.ssm.automations.workers.has_folder(&name) {
        work.ssm.automations.workers.put_folder(&name, files).await?;
    }
    Ok(name)
}

fn sha2_of(bytes: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).to_vec()
}

async fn run(work: &Work<'_>, program: &str, files: Vec<WorkerFile>, module: String, handler: String) -> Result<Outcome, String> {
    let script = folder(work, "script", files).await?;
    let own = [("script.py", BOOTSTRAP), python_sdk::MODULE];
    let own = own.map(|(path, text)| WorkerFile { path: path.to_owned(), content: text.into(), executable: false });
    let bootstrap = folder(work, "script-bootstrap", own.into()).await?;
    let payload = match work.value("InputPayload") {
        // AWS: a payload may be written as JSON.
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        other => other.cloned().unwrap_or_else(|| json!({})),
    };
    let context = json!({"global": {"REGION": work.execution.scope.region.as_str(), "ACCOUNT_ID": work.execution.scope.account.as_str()}, "automation": {"EXECUTION_ID": &**work.id}});
    let order = json!({"module": module, "handler": handler, "payload": payload, "context": context});
    let exchange = Arc::new(Exchange { order: order.to_string().into_bytes().into(), said: Mutex::default(), heard: Notify::new() });
    let text = |text: &str| WorkerValue::Text(text.to_owned());
    let region = work.execution.scope.region.as_str();
    let mut environment = vec![
        ("CLOUDLET_SCRIPT_API".to_owned(), WorkerValue::Http),
        ("CLOUDLET_SCRIPT_FOLDER".to_owned(), WorkerValue::Within(0, "")),
        ("AWS_ENDPOINT_URL".to_owned(), WorkerValue::Server),
        // The server is an address, in front of which boto3 would write accounts.
        ("AWS_DISABLE_HOST_PREFIX_INJECTION".to_owned(), text("true")),
        ("AWS_REGION".to_owned(), text(region)),
        ("AWS_DEFAULT_REGION".to_owned(), text(region)),
        ("PATH".to_owned(), text("/usr/local/bin:/usr/bin:/bin")),
        ("HOME".to_owned(), text("/tmp")),
        ("LANG".to_owned(), text("C.UTF-8")),
        ("PYTHONDONTWRITEBYTECODE".to_owned(), text("1")),
    ];
    // AWS: without a role, a script has no credentials.
    if let Some(keys) = &work.acting.keys {
        environment.push(("AWS_ACCESS_KEY_ID".to_owned(), text(&keys.access_key_id)));
        environment.push(("AWS_SECRET_ACCESS_KEY".to_owned(), text(&keys.secret_access_key)));
        environment.push(("AWS_SESSION_TOKEN".to_owned(), text(&keys.session_token)));
    }
    let output = Arc::new(Mutex::new(String::new()));
    let written = output.clone();
    let mut order = WorkerOrder {
        program: text(program),
        arguments: vec![text("-u"), WorkerValue::Within(1, "script.py")],
        environment,
        folders: vec![(script, "/var/script"), (bootstrap, "/var/runtime")],
        directory: 0,
        memory: MEMORY,
        temporary: TEMPORARY,
        http: exchange.clone(),
        server: work.cx.own_address().to_owned(),
        output: Arc::new(move |line| {
            let mut output = written.lock();
            if output.len() < OUTPUT {
                output.push_str(line);
                output.push('\n');
            }
        }),
        aside: None,
    };
    python_sdk::show(&*work.ssm.automations.workers, &mut order);
    let worker = work.ssm.automations.workers.start(order).await?;
    let key = (work.id.clone(), work.task.number);
    work.ssm.automations.scripts.lock().insert(key.clone(), worker.clone());
    let seconds = work.task.timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(LONGEST).min(LONGEST);
    let ended = within(Duration::from_secs(seconds), async {
        tokio::select! {
            biased;
            () = exchange.heard.notified() => None,
            end = worker.ended() => Some(end),
        }
    })
    .await;
    if let Some(None) = ended {
        // Its last lines are on their way.
        within(Duration::from_millis(200), worker.ended()).await;
    }
    worker.kill();
    work.ssm.automations.scripts.lock().remove(&key);
    let output = output.lock().clone();
    super::script_logs::write(work, &output).await;
    let said = exchange.said.lock().take();
    Ok(match (said, ended) {
        (Some(Ok(result)), _) => finished(work, result, output),
        (Some(Err(message)), _) => work.fails(&message),
        (None, Some(Some(end))) => work.fails(&format!("The script ended without a result: {end}. {}", last(&output))),
        (None, _) => Outcome::failed(cloudlet_runbook::machine::timed_out("Poll action status for completion")),
    })
}

fn last(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines.iter().rev().take(5).rev().copied().collect::<Vec<_>>().join("\n")
}

fn finished(work: &Work<'_>, mut result: Value, output: String) -> Outcome {
    if let Some(items) = result.as_array_mut() {
        items.truncate(ITEMS);
    }
    if result.to_string().len() > RESULT {
        return work.fails("The result of the script is larger than 100 KB");
    }
    let mut outputs = Map::new();
    outputs.insert("Payload".to_owned(), result.clone());
    let response = Some(output).filter(|output| !output.is_empty());
    Outcome::done(Done { outputs, answer: Some(json!({"Payload": result})), response, ..Done::default() })
}
