//! `cloudlet lambda run DIR --event FILE`: runs a handler once, with a server of its own that nobody else sees and that is gone afterwards.

use crate::{
    cloud,
    configuration::{Configuration, LambdaVerb},
    workers,
};
use cloudlet_admin::{Admin, MailListeners};
use cloudlet_api_iam::{CreateRole, CreateRoleRequest, PutRolePolicy, PutRolePolicyRequest};
use cloudlet_api_lambda::{CreateFunction, CreateFunctionRequest, Environment, FunctionCode, InvocationRequest, InvocationResponse, Invoke};
use cloudlet_api_logs::{FilterLogEvents, FilterLogEventsRequest};
use cloudlet_aws::{Caller, Fault, Scope};
use cloudlet_cloud::{Cloud, EntryPoint};
use cloudlet_engine::{Call, Origin};
use cloudlet_gateway::{Access, Limits, Listener, Parts, serve};
use cloudlet_shape::{Map, Operation};
use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

const NAME: &str = "function";
const ROLE: &str = "function";
const TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
/// Files that are handlers by their names, with the runtime and the handler that they stand for.
const KNOWN: [(&str, &str, &str); 10] = [
    ("bootstrap", "provided.al2023", "bootstrap"),
    ("lambda_function.py", "python3.13", "lambda_function.lambda_handler"),
    ("index.mjs", "nodejs22.x", "index.handler"),
    ("index.js", "nodejs22.x", "index.handler"),
    ("index.cjs", "nodejs22.x", "index.handler"),
    ("app.py", "python3.13", "app.handler"),
    ("handler.py", "python3.13", "handler.handler"),
    ("index.py", "python3.13", "index.handler"),
    ("function.rb", "ruby3.4", "function.handler"),
    ("lambda_function.rb", "ruby3.4", "lambda_function.lambda_handler"),
];

pub fn run(configuration: Configuration, verb: &LambdaVerb) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run_once(configuration, verb)),
        Err(error) => Err(format!("the async runtime cannot start: {error}")),
    };
    match outcome {
        Ok(code) => code,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::from(2)
        }
    }
}

fn read_event(file: Option<&Path>) -> Result<String, String> {
    match file {
        None => Ok("{}".to_owned()),
        Some(file) if file == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
            Ok(text)
        }
        Some(file) => fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display())),
    }
}

/// The runtime and the handler: as they are given, else by the name of a file.
fn what(folder: &Path, runtime: Option<&str>, handler: Option<&str>) -> Result<(String, String), String> {
    if let (Some(runtime), Some(handler)) = (runtime, handler) {
        return Ok((runtime.to_owned(), handler.to_owned()));
    }
    // The file of a handler that is given says which language it is.
    let file_of = |handler: &str| handler.rsplit_once('.').map_or(handler.to_owned(), |(file, _)| file.to_owned());
    let by_handler = handler.map(file_of).and_then(|file| {
        let ends = [(".py", "python3.13"), (".mjs", "nodejs22.x"), (".js", "nodejs22.x"), (".cjs", "nodejs22.x"), (".rb", "ruby3.4")];
        ends.iter().find(|(end, _)| folder.join(format!("{file}{end}")).is_file()).map(|(_, runtime)| (*runtime).to_owned())
    });
    if let (Some(handler), Some(found)) = (handler, by_handler) {
        return Ok((runtime.map_or(found, str::to_owned), handler.to_owned()));
    }
    let known = KNOWN.iter().find(|(file, ..)| folder.join(file).is_file());
    let (_, found, of) = known.ok_or_else(|| format!("{}: no handler was found. Name it with --runtime and --handler.", folder.display()))?;
    Ok((runtime.unwrap_or(found).to_owned(), handler.unwrap_or(of).to_owned()))
}

/// Calls of the server itself, as the root of the account.
struct Root {
    cloud: Arc<Cloud>,
    caller: Caller,
    scope: Scope,
}

impl Root {
    async fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, String> {
        let call = Call::of::<O>(self.caller.clone(), self.scope.clone(), Origin::default(), input);
        let id = self.cloud.runtime.ids.uuid().into();
        let told = |fault: Fault| format!("{}: {}", O::SCHEMA.name, fault.message());
        let output = self.cloud.perform(call, id, EntryPoint::Dispatch).await.answer.map_err(told)?;
        output.into_any().downcast::<O::Output>().map(|output| *output).map_err(|_| format!("{} answered another shape", O::SCHEMA.name))
    }
}

async fn run_once(mut configuration: Configuration, verb: &LambdaVerb) -> Result<ExitCode, String> {
    let LambdaVerb::Run { folder, event, runtime, handler, timeout, memory, variables } = verb;
    let payload = read_event(event.as_deref())?;
    let folder = fs::canonicalize(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let (runtime, handler) = what(&folder, runtime.as_deref(), handler.as_deref())?;
    let path = folder.to_str().ok_or_else(|| format!("{} is no text", folder.display()))?.to_owned();
    configuration.lambda.hot_reload = vec![path.clone()];
    let machine = workers::machine(&configuration);
    let cloud::Assembled { cloud, dns, .. } = cloud::assemble(&configuration, None, machine.clone())?;
    let admin = Admin {
        cloud: cloud.clone(),
        version: env!("CARGO_PKG_VERSION"),
        certificate: None,
        region: configuration.region.clone(),
        dns,
        mail_listeners: MailListeners::default(),
        workers: machine,
    };
    let parts = Parts {
        cloud: cloud.clone(),
        admin: cloudlet_admin::router(admin),
        limits: Limits::default(),
        names: configuration.names.clone(),
        access: Access { own_names: configuration.own_names.clone(), names: configuration.names.clone(), origins: vec![] },
        region: configuration.region.clone(),
    };
    // The function's own calls come here.
    let told = |error: std::io::Error| format!("there is no port for the function's calls: {error}");
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.map_err(told)?;
    cloud.runtime.set_address(format!("http://localhost:{}", listener.address().map_err(told)?.port()));
    tokio::spawn(serve(parts, vec![listener], std::future::pending()));
    tokio::spawn(cloud.clone().run_scheduler());
    let caller = Caller::root(configuration.account, configuration.region.partition(), None);
    let root = Root { cloud, caller, scope: Scope::new(configuration.account, configuration.region.clone()) };
    let answer = invoke(&root, Function { path, runtime, handler, timeout: *timeout, memory: *memory, variables }, payload).await?;
    let failed = answer.function_error.is_some();
    let mut out = std::io::stdout();
    let written = out.write_all(&answer.payload.unwrap_or_default()).and_then(|()| out.write_all(b"\n"));
    Ok(if failed || written.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Function<'v> {
    path: String,
    runtime: String,
    handler: String,
    timeout: i32,
    memory: i32,
    variables: &'v [String],
}

/// Makes the function, runs it, and tells its lines on standard error.
async fn invoke(root: &Root, function: Function<'_>, payload: String) -> Result<InvocationResponse, String> {
    let mut variables = Map::new();
    for pair in function.variables {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("--env {pair}: expected NAME=VALUE"))?;
        variables.insert(name.to_owned(), value.to_owned());
    }
    let trust = TRUST.to_owned();
    let role = CreateRoleRequest { role_name: ROLE.into(), assume_role_policy_document: trust, ..CreateRoleRequest::default() };
    let role = root.call::<CreateRole>(role).await?.role.arn;
    let policy = PutRolePolicyRequest { role_name: ROLE.into(), policy_name: "all".into(), policy_document: ALL.into() };
    root.call::<PutRolePolicy>(policy).await?;
    let code = FunctionCode { s3_bucket: Some("hot-reload".into()), s3_key: Some(function.path), ..FunctionCode::default() };
    let input = CreateFunctionRequest {
        function_name: NAME.into(),
        runtime: Some(function.runtime),
        handler: Some(function.handler),
        role,
        code,
        timeout: Some(function.timeout),
        memory_size: Some(function.memory),
        environment: Some(Environment { variables: Some(variables) }),
        ..CreateFunctionRequest::default()
    };
    root.call::<CreateFunction>(input).await?;
    let input = InvocationRequest {
        function_name: NAME.into(),
        payload: Some(payload.into()),
        // With the log, the answer comes once all lines are written.
        log_type: Some("Tail".into()),
        ..InvocationRequest::default()
    };
    let answer = root.call::<Invoke>(input).await?;
    let input = FilterLogEventsRequest { log_group_name: Some(format!("/aws/lambda/{NAME}")), ..FilterLogEventsRequest::default() };
    let events = root.call::<FilterLogEvents>(input).await.map(|answer| answer.events.unwrap_or_default()).unwrap_or_default();
    let mut log = std::io::stderr();
    for line in events.into_iter().filter_map(|event| event.message) {
        let _ = writeln!(log, "{}", line.trim_end());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_are_found_by_their_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(what(folder.path(), None, None).is_err());
        fs::write(folder.path().join("orders.py"), "").unwrap();
        assert_eq!(what(folder.path(), None, Some("orders.main")).unwrap(), ("python3.13".into(), "orders.main".into()));
        fs::write(folder.path().join("index.mjs"), "").unwrap();
        assert_eq!(what(folder.path(), None, None).unwrap(), ("nodejs22.x".into(), "index.handler".into()));
        assert_eq!(what(folder.path(), Some("nodejs20.x"), None).unwrap(), ("nodejs20.x".into(), "index.handler".into()));
    }
}
