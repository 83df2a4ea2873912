//! What a container is given of its task's role: keys, at an address that is its own, where SDKs look for them.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>

use cloudlet_aws::{Arn, Caller, Scope, TimestampFormat};
use cloudlet_engine::{Boxed, Cx, LocalHttp, LocalRequest, LocalResponse, Origin, Runtime, roles};
use serde_json::{Value, json};
use std::sync::Arc;

/// The principal of tasks.
pub const TASKS: &str = "ecs-tasks.amazonaws.com";
/// The path of the keys. Nobody but the container reaches them.
pub const PATH: &str = "/v2/credentials/task";
const SESSION_SECONDS: i32 = 3_600;

/// The keys of a container's task. AWS gives the same ones until they are old; here each question brings a new session.
pub struct TaskCredentials {
    pub runtime: Arc<Runtime>,
    pub scope: Scope,
    /// `None`: the task has no role.
    pub role: Option<Arn>,
    pub task: Arn,
}

fn answered(status: u16, body: &Value) -> LocalResponse {
    LocalResponse { status, headers: vec![("content-type", "application/json".to_owned())], body: body.to_string().into() }
}

impl LocalHttp for TaskCredentials {
    fn answer(&self, request: LocalRequest) -> Boxed<'_, LocalResponse> {
        Box::pin(async move {
            let Some(role) = self.role.as_ref().filter(|_| request.method == "GET" && request.path == PATH) else {
                return LocalResponse { status: 404, ..LocalResponse::default() };
            };
            let service = Caller::service(TASKS, Some(self.task.clone()));
            let id = self.runtime.ids.uuid();
            let cx = Cx::new(self.runtime.clone(), self.scope.clone(), service, id.into(), Origin::default());
            let name = self.task.resource().rsplit('/').next().unwrap_or("task").to_owned();
            match roles::assume_role_with_keys(&cx, role, &name, TASKS, &self.task, SESSION_SECONDS).await {
                Ok((_, keys)) => {
                    let keys = json!({
                        "RoleArn": role.to_string(),
                        "AccessKeyId": keys.access_key_id,
                        "SecretAccessKey": keys.secret_access_key,
                        "Token": keys.session_token,
                        "Expiration": keys.expiration.text(TimestampFormat::DateTime),
                    });
                    answered(200, &keys)
                }
                // AWS: unverified words.
                Err(fault) => answered(400, &json!({ "code": fault.name(), "message": fault.message() })),
            }
        })
    }
}
