//! What a campaign sends: of a template, or a message of its own.

use wasup_actors::{Compiled, Principal};
use wasup_store::id::AccountId;
use wasup_store::records::{CampaignText, Content, Load, Media, TemplateRecord};

use super::form::{CampaignForm, one};
use crate::api::messages::{Composer, SendMessage};
use crate::api::problem::{FieldError, Problem};
use crate::api::state::ApiState;
use crate::media::MediaKind;

/// A message, and how its text is made.
pub(super) type Made = (Box<Load>, Option<CampaignText>);

/// What is to be sent; `None` where that is not said.
pub(super) async fn made(
    form: &CampaignForm,
    (state, caller): (&ApiState, &Principal),
    sender: &AccountId,
) -> Result<Option<Made>, Problem> {
    if let Some(id) = form.template {
        let template = state.templates.get(caller, id).await?;
        let content = match &template.media {
            None => Content::text(template.body.clone()),
            Some(media) => {
                let kind = MediaKind::ALL.into_iter().find(|kind| kind.as_str() == media.kind);
                let kind = kind.ok_or_else(|| one("template", "has a file of an unknown kind"))?;
                let file = state.intake.kept(media.id, kind).await?;
                kind.content(Media { caption: None, ..file.media })
            }
        };
        let TemplateRecord { body, strict, defaults, .. } = template;
        let text = (!body.trim().is_empty()).then_some(CampaignText { body, strict, defaults });
        return Ok(Some((load(content, None), text)));
    }
    let Some(message) = form.message.clone() else { return Ok(None) };
    let within = |mut problem: Problem| {
        problem.errors = problem
            .errors
            .into_iter()
            .map(|error| FieldError::new(format!("message.{}", error.field), error.message))
            .collect();
        problem
    };
    let request = SendMessage::read(message).map_err(within)?;
    let composer = Composer::new(state, caller, sender);
    let (content, context) = composer.for_many(&request).await.map_err(within)?;
    let body = match &content {
        Content::Text { body, .. } => Some(body.clone()),
        other => other.media().and_then(|media| media.caption.clone()),
    };
    let text = body.map(|body| CampaignText { body, strict: form.strict, defaults: form.defaults.clone() });
    if let Some(CampaignText { body, strict, defaults }) = text.clone() {
        let template = TemplateRecord { body, strict, defaults, ..TemplateRecord::default() };
        Compiled::new(&template).map_err(|error| one("message", error.to_string()))?;
    }
    Ok(Some((load(content, context), text)))
}

fn load(content: Content, context: Option<Box<wasup_store::records::MessageContext>>) -> Box<Load> {
    Box::new(Load { content, context, client_message_id: None })
}
