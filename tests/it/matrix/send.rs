//! How each row is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use wasup_sandbox::FileToSend;

use super::cases::{Case, Place, Source, Way};
use super::{Sent, Stage};

/// The sample that the phone sends as a round film.
pub(super) const NOTE: usize = 2;

impl Stage {
    async fn post(&self, body: &Value) -> Value {
        let (status, sent) = self.linked.world.post("/v1/accounts/a0/messages", body).await;
        assert_eq!(status, 202, "{body}: {sent}");
        sent
    }

    async fn text(&self, place: Place, text: &str) -> Value {
        self.post(&json!({"to": self.to(place), "type": "text", "text": text})).await
    }

    /// Sends a row, after what it is about.
    pub(super) async fn send(&self, place: Place, case: Case) -> Sent {
        let to = self.to(place);
        let (about, message) = match case.way {
            Way::Said(body) => (None, self.post(&with(body(), &[("to", json!(to))])).await),
            Way::File(sample, source) => (None, self.file(to, sample, source, None).await),
            Way::Reply(body) => {
                let about = self.text(place, "a question").await;
                let body = with(body(), &[("to", json!(to)), ("reply_to", about["id"].clone())]);
                (Some(about), self.post(&body).await)
            }
            Way::ReplyWithFile(sample) => {
                let about = self.text(place, "send me one").await;
                let message = self.file(to, sample, Source::Base64, Some(&about["id"])).await;
                (Some(about), message)
            }
            Way::Mention => {
                let named = json!([self.linked.phones[1].number()]);
                let body = json!({"to": to, "type": "text", "text": "hello {m1}", "mentions": named});
                let message = self.post(&body).await;
                (Some(message.clone()), message)
            }
            Way::ByPhone { once } => (None, self.by_phone(to, once).await),
            Way::Forward | Way::React | Way::Edit | Way::Revoke => self.upon_a_text(place, case.way).await,
            Way::Vote => {
                let body = json!({"to": to, "type": "poll", "question": "Cake?", "options": ["yes", "no"]});
                let about = self.settled(self.post(&body).await).await;
                let vote = json!({"type": "poll_vote", "message": about["id"], "options": ["yes"]});
                let vote = self.post(&vote).await;
                (Some(about), vote)
            }
        };
        Sent { case, message, about }
    }

    /// What is done to a message is done after the network has it.
    async fn settled(&self, message: Value) -> Value {
        self.linked.message(&message, crate::promises::is_sent).await
    }

    async fn upon_a_text(&self, place: Place, way: Way) -> (Option<Value>, Value) {
        let (world, about) = (&self.linked.world, self.settled(self.text(place, "a text").await).await);
        let path = format!("/v1/messages/{}", about["id"].as_str().unwrap());
        let (status, message) = match way {
            Way::Forward => world.post(&format!("{path}/forward"), &json!({"to": self.to(place)})).await,
            Way::React => {
                let body = json!({"type": "reaction", "message": about["id"], "emoji": "🎉"});
                world.post("/v1/accounts/a0/messages", &body).await
            }
            Way::Edit => world.patch(&path, &json!({"text": "edited"})).await,
            _ => world.delete(&path).await,
        };
        assert_eq!(status, 202, "{way:?}: {message}");
        (Some(about), message)
    }

    async fn file(&self, to: &str, sample: usize, source: Source, reply_to: Option<&Value>) -> Value {
        let (kind, mimetype, bytes) = &self.samples[sample];
        let caption = ["image", "video", "document"].contains(kind).then(|| format!("a {kind}"));
        if source == Source::Multipart {
            let mut fields = vec![("to", to), ("type", kind)];
            fields.extend(caption.as_deref().map(|caption| ("caption", caption)));
            let path = "/v1/accounts/a0/messages";
            let (status, sent) = self.linked.world.form(path, &fields, mimetype, bytes).await;
            assert_eq!(status, 202, "{kind}: {sent}");
            return sent;
        }
        let media = match source {
            Source::Url => json!({"url": format!("{}/{sample}", self.files), "filename": "a.bin"}),
            Source::Id => {
                let upload = self.linked.world.upload("?filename=a.bin", Some(mimetype), bytes.clone()).await.1;
                json!({"id": upload["id"]})
            }
            _ => json!({"base64": BASE64.encode(bytes), "mimetype": mimetype, "filename": "a.bin"}),
        };
        let mut body = with(json!({"to": to, "type": kind, "media": media}), &[]);
        if let Some(caption) = caption {
            body["caption"] = caption.into();
        }
        if let Some(message) = reply_to {
            body["reply_to"] = message.clone();
        }
        self.post(&body).await
    }

    /// The sender's own phone sends it; the account sees it as its own.
    async fn by_phone(&self, to: &str, once: bool) -> Value {
        let kind = if once { "image" } else { "video_note" };
        let file = FileToSend {
            kind: kind.into(),
            mimetype: self.samples[NOTE].1.into(),
            seconds: Some(12),
            view_once: once,
            ..FileToSend::default()
        };
        let id = self.linked.phones[0].send_file(to, &file, &self.samples[NOTE].2).await.unwrap();
        let find = |page: &Value| {
            let rows = page["data"].as_array().cloned().unwrap_or_default();
            rows.into_iter().find(|row| row["provider_message_id"] == id.as_str())
        };
        let page = self.linked.until("/v1/accounts/a0/messages?limit=100", |page| find(page).is_some()).await;
        find(&page).unwrap()
    }
}

fn with(mut body: Value, fields: &[(&str, Value)]) -> Value {
    fields.iter().for_each(|(name, value)| body[*name] = value.clone());
    body
}
