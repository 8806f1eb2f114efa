//! How a request to send comes: as JSON, or as a form whose last field is the file.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};
use wasup_store::records::MediaFileRecord;

use crate::api::extract::Json;
use crate::api::problem::{ErrorCode, FieldError, Problem};
use crate::api::state::ApiState;
use crate::media::{Intake, MediaKind, MediaRefusal, Wanted};

/// Longest field of a form beside the file, in bytes.
const FIELD_MAX: usize = 256 << 10;

/// Fields of a form that say something of the file, under their names in JSON.
const OF_FILE: [&str; 3] = ["mimetype", "filename", "sha256"];

/// ... and that are numbers, or a list of them.
const MEASURES: [&str; 4] = ["seconds", "waveform", "width", "height"];

/// What is asked for.
pub(in crate::api) struct Asked {
    /// The request as JSON, with the id of its file.
    pub(super) value: Value,
    /// ... with the file's hash instead: two uploads of the same file ask for the same.
    pub(super) repeated: Value,
}

impl FromRequest<ApiState> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("multipart/form-data") {
            return form(request, &state.intake).await;
        }
        let (parts, body) = request.into_parts();
        let too_large = |_| {
            Problem::new(
                ErrorCode::BodyTooLarge,
                "the body is longer than server.body_max_bytes and media.base64_max allow",
            )
        };
        let body = to_bytes(body, state.settings.message_body_max).await.map_err(too_large)?;
        let Json(value): Json<Value> = Json::from_request(Request::from_parts(parts, Body::from(body)), state).await?;
        Ok(Self { repeated: value.clone(), value })
    }
}

fn malformed(why: &str) -> Problem {
    Problem::new(ErrorCode::Malformed, format!("the form can't be read: {why}"))
}

fn wrong(field: &str, message: &str) -> Problem {
    Problem::invalid(vec![FieldError::new(field, message)])
}

/// A form: a field for each field of the JSON (`message` may hold all of them as JSON), and last `file`.
async fn form(request: Request, intake: &Intake) -> Result<Asked, Problem> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| malformed(&error.body_text()))?;
    let (mut value, mut of_file) = (Map::new(), Map::new());
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&error.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            let said = |name: &str| of_file.get(name).and_then(Value::as_str).map(str::to_owned);
            let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
            let kind = MediaKind::ALL.into_iter().find(|known| known.as_str() == kind);
            let kind = kind.ok_or_else(|| wrong("type", "must be a kind of file, and come before the file"))?;
            let wanted = Wanted {
                kind: Some(kind),
                mimetype: said("mimetype").or_else(|| field.content_type().map(str::to_owned)),
                filename: said("filename").or_else(|| field.file_name().map(str::to_owned)),
                sha256: said("sha256").as_deref().map(crate::api::media::hash_of).transpose()?,
                ..Wanted::default()
            };
            let pieces = field.map_err(|_| MediaRefusal::Truncated);
            let file = intake.from_stream(wanted, pieces.boxed()).await?;
            return Ok(asked(value, &of_file, &file));
        }
        let text = field.text().await.map_err(|error| malformed(&error.body_text()))?;
        if text.len() > FIELD_MAX {
            return Err(wrong(&name, "is too long"));
        }
        take(&mut value, &mut of_file, &name, text)?;
    }
    Err(wrong("file", "is missing, or does not come last"))
}

/// A field of a form as its field of the JSON.
fn take(
    value: &mut Map<String, Value>,
    of_file: &mut Map<String, Value>,
    name: &str,
    text: String,
) -> Result<(), Problem> {
    match name {
        "message" => match serde_json::from_str(&text) {
            Ok(Value::Object(fields)) => value.extend(fields),
            _ => return Err(wrong("message", "must be an object of JSON")),
        },
        // Once for each human.
        "mentions" => match value.entry(name).or_insert_with(|| json!([])) {
            Value::Array(all) => all.push(text.into()),
            _ => return Err(wrong(name, "must be a list")),
        },
        "expiration" => {
            let number: u32 = text.parse().map_err(|_| wrong(name, "must be a number"))?;
            value.insert(name.to_owned(), number.into());
        }
        "view_once" => {
            let once: bool = text.parse().map_err(|_| wrong(name, "must be true or false"))?;
            value.insert(name.to_owned(), once.into());
        }
        name if MEASURES.contains(&name) => {
            let number = serde_json::from_str(&text).map_err(|_| wrong(name, "must be a number, or a list of them"))?;
            drop(of_file.insert(name.to_owned(), number));
        }
        name if OF_FILE.contains(&name) => drop(of_file.insert(name.to_owned(), text.into())),
        name => drop(value.insert(name.to_owned(), text.into())),
    }
    Ok(())
}

fn asked(value: Map<String, Value>, of_file: &Map<String, Value>, file: &MediaFileRecord) -> Asked {
    let mut repeated = Value::Object(value);
    let mut value = repeated.clone();
    value["media"] = json!({"id": file.id});
    repeated["media"] = json!({
        "sha256": data_encoding::HEXLOWER.encode(&file.sha256.0),
        "mimetype": file.media.mimetype,
        "filename": file.media.filename,
    });
    for (name, said) in of_file.iter().filter(|(name, _)| MEASURES.contains(&name.as_str())) {
        value["media"][name] = said.clone();
        repeated["media"][name] = said.clone();
    }
    Asked { value, repeated }
}
