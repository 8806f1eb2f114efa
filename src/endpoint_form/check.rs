//! The rules that a form has to keep, besides its shape.

use wasup_actors::{EndpointChange, HeaderChange, NewEndpoint, PolicyChange};
use wasup_store::records::Content;

use super::{ChangeEndpoint, CreateEndpoint, FilterForm, given, headers};
use crate::api::problem::FieldError;
use crate::webhook_http::Reach;

/// Longest name, in characters.
const NAME_MAX: usize = 200;
/// Most chats of a filter.
const CHATS_MAX: usize = 100;

impl CreateEndpoint {
    /// The endpoint that is meant.
    ///
    /// # Errors
    /// Every wrong value.
    pub fn check(self, reach: Reach) -> Result<NewEndpoint, Vec<FieldError>> {
        let mut errors = Vec::new();
        let secret = given(self.secret.as_ref()).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let Self { account, url, name, events, filter, headers, retry, order, reply, media, format, .. } = self;
        let settings = ChangeEndpoint {
            account: None,
            url: Some(Some(url.clone())),
            name: name.map(Some),
            events: events.map(Some),
            filter: filter.map(Some),
            headers: headers.map(Some),
            retry: retry.map(Some),
            order: order.map(Some),
            reply: reply.map(Some),
            media: media.map(Some),
            format: format.map(Some),
        };
        match settings.check(reach) {
            Ok(settings) if errors.is_empty() => Ok(NewEndpoint { account, url, secret, settings }),
            Ok(_) => Err(errors),
            Err(more) => Err([errors, more].concat()),
        }
    }
}

impl ChangeEndpoint {
    /// The change that is meant.
    ///
    /// # Errors
    /// Every wrong value.
    pub fn check(self, reach: Reach) -> Result<EndpointChange, Vec<FieldError>> {
        let mut errors = Vec::new();
        match self.url.as_ref().map(|url| url.as_deref().map(|url| reach.check(url))) {
            Some(None) => errors.push(FieldError::new("url", "must not be null: it has no default")),
            Some(Some(Err(error))) => errors.push(FieldError::new("url", error.to_string())),
            None | Some(Some(Ok(_))) => {}
        }
        if self.name.as_ref().and_then(Option::as_ref).is_some_and(|name| name.chars().count() > NAME_MAX) {
            errors.push(FieldError::new("name", "must not be longer than 200 characters"));
        }
        let (chats, message_types) = match self.filter {
            None => (None, None),
            Some(None) => (Some(Vec::new()), Some(Vec::new())),
            Some(Some(filter)) => filter.check(&mut errors),
        };
        let headers = self.headers.map(|headers| match headers {
            None => HeaderChange::Clear,
            Some(headers) => headers::check(headers, &mut errors),
        });
        let policy = match self.retry {
            None => PolicyChange::default(),
            Some(None) => PolicyChange::reset(),
            Some(Some(retry)) => retry.check(&mut errors),
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(EndpointChange {
            account: self.account,
            name: self.name,
            url: self.url.flatten(),
            events: self.events.map(Option::unwrap_or_default),
            chats,
            message_types,
            headers,
            policy,
            order: self.order.map(Option::unwrap_or_default),
            reply: self.reply.map(Option::unwrap_or_default),
            media: self.media.map(Option::unwrap_or_default),
            format: self.format.map(Option::unwrap_or_default),
            chatbot: None,
            paused: None,
        })
    }
}

type Lists = (Option<Vec<String>>, Option<Vec<String>>);

impl FilterForm {
    fn check(self, errors: &mut Vec<FieldError>) -> Lists {
        let chats = self.chats.map(Option::unwrap_or_default);
        if chats.as_ref().is_some_and(|chats| chats.len() > CHATS_MAX) {
            errors.push(FieldError::new("filter.chats", format!("must not have more than {CHATS_MAX} entries")));
        }
        let types = self.message_types.map(Option::unwrap_or_default);
        for (at, word) in types.iter().flatten().enumerate() {
            if !Content::KINDS.contains(&word.as_str()) {
                let known = Content::KINDS.join(", ");
                errors.push(FieldError::new(format!("filter.message_types[{at}]"), format!("must be one of {known}")));
            }
        }
        (chats, types)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Reach = Reach { loopback: true, private: true, https_only: false };

    fn wrong(json: &str) -> Vec<String> {
        let form = serde_json::from_str::<CreateEndpoint>(json).unwrap_or_else(|error| panic!("{json}: {error}"));
        form.check(OPEN).err().unwrap_or_default().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn every_wrong_value_is_named_at_once() {
        let json = r#"{"url": "http://169.254.169.254/", "secret": "whsec_x", "headers": {"host": "a"},
            "filter": {"message_types": ["text", "telegram"]}, "retry": {"jitter": 2, "timeout": "1h"}}"#;
        let fields = ["secret", "url", "filter.message_types[1]", "headers.host", "retry.timeout", "retry.jitter"];
        assert_eq!(wrong(json), fields);
        let name = "x".repeat(201);
        assert_eq!(wrong(&format!(r#"{{"url": "http://127.0.0.1/", "name": "{name}"}}"#)), ["name"]);
        let chats = r#""1@g.us","#.repeat(100);
        let json = format!(r#"{{"url": "http://127.0.0.1/", "filter": {{"chats": [{chats} "2@g.us"]}}}}"#);
        assert_eq!(wrong(&json), ["filter.chats"]);
    }

    #[test]
    fn shapes_are_refused_with_their_field() {
        for (json, word) in [
            (r#"{"url": "http://a/", "events": ["message.recieved"]}"#, "message.recieved"),
            (r#"{"url": "http://a/", "order": "strict"}"#, "strict"),
            (r#"{"url": "http://a/", "reply": "maybe"}"#, "maybe"),
            (r#"{"url": "http://a/", "enabled": true}"#, "enabled"),
            (r#"{"url": "http://a/", "account": "a/b"}"#, "account"),
            (r#"{"name": "x"}"#, "url"),
        ] {
            let error = serde_json::from_str::<CreateEndpoint>(json).unwrap_err().to_string();
            assert!(error.contains(word) || word == "account", "{error}");
        }
        assert!(serde_json::from_str::<ChangeEndpoint>(r#"{"secret": "whsec_x"}"#).is_err());
        let null = serde_json::from_str::<ChangeEndpoint>(r#"{"url": null}"#).unwrap().check(OPEN);
        assert_eq!(null.unwrap_err(), [FieldError::new("url", "must not be null: it has no default")]);
    }

    #[test]
    fn left_out_is_not_null() {
        let read = |json: &str| serde_json::from_str::<ChangeEndpoint>(json).unwrap().check(OPEN).unwrap();
        let left_out = read("{}");
        assert!(left_out.account.is_none() && left_out.name.is_none() && left_out.events.is_none());
        assert!(left_out.chats.is_none() && left_out.headers.is_none() && left_out.policy == PolicyChange::default());
        let null = read(
            r#"{"account": null, "name": null, "events": null, "filter": null, "headers": null, "retry": null,
                "order": null, "reply": null, "format": null}"#,
        );
        assert!(null.account == Some(None) && null.name == Some(None) && null.events == Some(Vec::new()));
        assert!(null.chats == Some(Vec::new()) && null.message_types == Some(Vec::new()));
        assert!(matches!(null.headers, Some(HeaderChange::Clear)) && null.policy == PolicyChange::reset());
        assert!(null.order.is_some() && null.reply.is_some() && null.format.is_some());
        let half = read(r#"{"filter": {"chats": null}, "retry": {"timeout": null}}"#);
        assert!(half.chats == Some(Vec::new()) && half.message_types.is_none());
        assert!(half.policy.timeout_ms == Some(None) && half.policy.jitter_percent.is_none());
    }
}
