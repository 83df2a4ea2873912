//! The JSON texts of the channel.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The first message of a client, a text. The rest of it says nothing to the other side, and clients write it in different ways.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OpenDataChannel {
    pub token_value: String,
    pub client_version: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Acknowledge {
    #[serde(rename = "AcknowledgedMessageType")]
    pub message_type: String,
    #[serde(rename = "AcknowledgedMessageId")]
    pub message_id: String,
    #[serde(rename = "AcknowledgedMessageSequenceNumber")]
    pub sequence: i64,
    #[serde(rename = "IsSequentialMessage")]
    pub is_sequential: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChannelClosed {
    pub message_type: String,
    pub message_id: String,
    pub destination_id: String,
    pub session_id: String,
    pub created_date: String,
    pub schema_version: i64,
    pub output: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AgentSessionState {
    pub schema_version: i64,
    pub session_state: String,
    pub session_id: String,
}

/// The size of a terminal. A client that has none sends nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Size {
    pub cols: u32,
    pub rows: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeRequest {
    pub agent_version: String,
    pub requested_client_actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Action {
    pub action_type: String,
    pub action_parameters: Value,
}

impl Action {
    pub fn session_type(session_type: &str, properties: Value) -> Action {
        let parameters = serde_json::json!({ "SessionType": session_type, "Properties": properties });
        Action { action_type: "SessionType".to_owned(), action_parameters: parameters }
    }

    pub fn kms_encryption(key: &str, challenge: &str) -> Action {
        let parameters = serde_json::json!({ "KMSKeyId": key, "Challenge": challenge });
        Action { action_type: "KMSEncryption".to_owned(), action_parameters: parameters }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HandshakeResponse {
    pub client_version: String,
    #[serde(deserialize_with = "null_is_none")]
    pub processed_client_actions: Vec<ActionResult>,
    #[serde(deserialize_with = "null_is_none")]
    pub errors: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ActionResult {
    pub action_type: String,
    /// 1: done, 2: failed, 3: not supported.
    pub action_status: i64,
    pub action_result: Value,
    pub error: String,
}

/// What a client answers to `KMSEncryption`; bytes are base64.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KmsResult {
    #[serde(rename = "KMSCipherTextKey")]
    pub ciphertext_key: String,
    #[serde(rename = "ChallengeAcknowledgement")]
    pub challenge_acknowledged: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeComplete {
    /// Nanoseconds.
    pub handshake_time_to_complete: i64,
    pub customer_message: String,
}

/// Encrypted, in base64: of the agent, and the answer of the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Challenge {
    pub challenge: String,
}

/// Lists of Go are null when they are empty.
fn null_is_none<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(from).map(Option::unwrap_or_default)
}
