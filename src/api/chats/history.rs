//! How far the history that a phone sends is imported.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::HistoryLook;
use wasup_store::id::AccountId;
use wasup_store::records::HistoryChunk;

use crate::api::extract::{Caller, Path};
use crate::api::problem::{Problem, ProblemView};
use crate::api::state::Chatting;

/// How far an account's history is imported.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct HistoryView {
    /// Chats that have messages because of it.
    chats: u64,
    /// Messages that are here because of it.
    messages: u64,
    /// Bytes of what they say.
    bytes: u64,
    /// Messages that were here already.
    known: u64,
    /// Messages left out: beyond the bounds of `[history]`, or nothing for a human.
    left_out: u64,
    /// Pieces that the phone announced and that are not here yet.
    announced: usize,
    /// Pieces on disk that are being imported, at most 100. With none here and none announced, all is through.
    pieces: Vec<PieceView>,
}

/// A piece of the history.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PieceView {
    /// What it is a part of, such as `initial_bootstrap`, `recent` or `full`.
    kind: &'static str,
    /// Which part.
    order: Option<u32>,
    /// How much of all the phone has sent by then, in percent.
    progress: Option<u32>,
    /// Its chats that are through.
    chats_done: u32,
    /// Its messages that are here.
    messages: u64,
}

impl From<&HistoryChunk> for PieceView {
    fn from(piece: &HistoryChunk) -> Self {
        let HistoryChunk { kind, order, progress, chats_done, tally, .. } = piece;
        let (order, progress, chats_done) = (*order, *progress, *chats_done);
        Self { kind: kind.as_str(), order, progress, chats_done, messages: tally.messages }
    }
}

impl From<HistoryLook> for HistoryView {
    fn from(look: HistoryLook) -> Self {
        let HistoryLook { announced, pieces, tally } = look;
        Self {
            chats: tally.chats,
            messages: tally.messages,
            bytes: tally.bytes,
            known: tally.known,
            left_out: tally.left_out,
            announced,
            pieces: pieces.iter().map(PieceView::from).collect(),
        }
    }
}

/// Tells how far the history that an account's phone sends is imported. Each piece that is through is told as
/// `history.synced`, too.
#[utoipa::path(get, path = "/v1/accounts/{id}/history", tag = "chats", operation_id = "getHistory",
    params(("id" = String, Path, description = "The account's id, percent-encoded")),
    responses((status = 200, body = HistoryView), (status = "default", body = ProblemView, content_type = "application/problem+json")))]
pub(in crate::api) async fn show(
    State((_accounts, chats, _settings)): State<Chatting>,
    Caller(caller): Caller,
    Path(id): Path<AccountId>,
) -> Result<axum::Json<HistoryView>, Problem> {
    Ok(axum::Json(chats.history(&caller, &id).await?.into()))
}
