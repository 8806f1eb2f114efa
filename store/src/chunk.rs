//! Values over 32 KiB, cut into pieces below the waist so that the engine never sees a large one.
//!
//! The row itself then holds `[0xff][0][pieces u16][length u32]`, the pieces stand in [`Tree::Chunk`] under
//! `tree u8 · key · n u16`. Row and pieces change in the same batch. Which rows are cut is remembered in memory (they
//! are rare), so an ordinary write never has to read the row it replaces.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use crate::engine::{Change, Engine, Walk};
use crate::key::{Key, Parts};
use crate::{EngineError, Tree};

/// First byte of a row whose value is cut; no codec has this number.
pub(crate) const CUT: u8 = 0xff;

/// Bytes of a piece: the most that a stored value may have.
pub(crate) const PIECE: usize = 32 << 10;

/// Bytes of the row that stands for a value in pieces.
const HEADER: usize = 8;

/// The rows whose values are cut, with their number of pieces.
#[derive(Debug, Default)]
pub(crate) struct CutRows {
    pieces: HashMap<(Tree, Box<[u8]>), u16>,
}

impl CutRows {
    /// Reads from the engine which rows are cut.
    pub(crate) fn load(engine: &dyn Engine) -> Result<Self, EngineError> {
        let mut pieces = HashMap::new();
        let mut from: Vec<u8> = Vec::new();
        loop {
            let page = engine.range(Tree::Chunk, &from, None, Walk::Up, 64)?;
            let Some((last, _)) = page.last() else { return Ok(Self { pieces }) };
            // The next possible key, and not the end of the prefix: the pieces of a longer key may begin with this one.
            from = [last.as_ref(), &[0]].concat();
            for (key, _) in &page {
                let (tree, row, n) = split(key).ok_or(EngineError::Damaged { tree: Tree::Chunk.name() })?;
                let count = pieces.entry((tree, Box::from(row))).or_insert(0);
                *count = (*count).max(n + 1);
            }
        }
    }

    /// Writes one logical row as rows of the engine.
    pub(crate) fn lower(&mut self, tree: Tree, key: Box<[u8]>, value: Option<Bytes>, out: &mut Lowered) {
        let before = if self.pieces.is_empty() { None } else { self.pieces.remove(&(tree, key.clone())) };
        let value = match value {
            Some(value) if value.len() > PIECE => {
                let count = self.cut(tree, &key, &value, out);
                self.pieces.insert((tree, key.clone()), count);
                Some(header(count, value.len()))
            }
            other => other,
        };
        let now = self.pieces.get(&(tree, key.clone())).copied().unwrap_or(0);
        for n in now..before.unwrap_or(0) {
            out.pieces.push(Change { tree: Tree::Chunk, key: piece_key(tree, &key, n), value: None });
        }
        out.rows.push(Change { tree, key, value });
    }

    #[expect(clippy::unused_self, reason = "reads as a step of lower")]
    fn cut(&self, tree: Tree, key: &[u8], value: &Bytes, out: &mut Lowered) -> u16 {
        let mut count = 0;
        for start in (0..value.len()).step_by(PIECE) {
            let piece = value.slice(start..value.len().min(start + PIECE));
            out.pieces.push(Change { tree: Tree::Chunk, key: piece_key(tree, key, count), value: Some(piece) });
            count += 1;
        }
        count
    }
}

/// Rows of a batch, the pieces apart: they belong to the last tree, so that the batch stays sorted by tree.
#[derive(Debug, Default)]
pub(crate) struct Lowered {
    pub(crate) rows: Vec<Change>,
    pub(crate) pieces: Vec<Change>,
}

/// Puts a value back together as the engine answered it.
pub(crate) fn raise(engine: &dyn Engine, tree: Tree, key: &[u8], stored: Bytes) -> Result<Bytes, EngineError> {
    if stored.first() != Some(&CUT) {
        return Ok(stored);
    }
    let damaged = EngineError::Damaged { tree: tree.name() };
    // Encryption does not cover this row, so nothing of it may be open to change.
    if stored.get(1) != Some(&0) || stored.len() != HEADER {
        return Err(damaged);
    }
    let mut parts = Parts(stored.get(2..).unwrap_or_default());
    let (Some(high), Some(low), Some(length)) = (parts.u8(), parts.u8(), parts.u32()) else { return Err(damaged) };
    let length = length as usize;
    let mut whole = BytesMut::with_capacity(length);
    for n in 0..u16::from_be_bytes([high, low]) {
        let Some(piece) = engine.get(Tree::Chunk, &piece_key(tree, key, n))? else { return Err(damaged) };
        whole.extend_from_slice(&piece);
    }
    if whole.len() == length { Ok(whole.freeze()) } else { Err(damaged) }
}

/// How many pieces the row of a cut value names.
pub(crate) fn pieces(row: &[u8]) -> u16 {
    row.get(2..4).and_then(|count| count.try_into().ok()).map_or(0, u16::from_be_bytes)
}

fn header(count: u16, length: usize) -> Bytes {
    let mut out = vec![CUT, 0];
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    out.into()
}

fn piece_key(tree: Tree, key: &[u8], n: u16) -> Box<[u8]> {
    Key::new().u8(tree.number()).bytes(key).bytes(&n.to_be_bytes()).into_vec().into()
}

/// The row and number that a piece belongs to.
pub(crate) fn split(key: &[u8]) -> Option<(Tree, &[u8], u16)> {
    let (number, rest) = key.split_first()?;
    let (row, n) = rest.split_last_chunk::<2>()?;
    Some((Tree::from_number(*number)?, row, u16::from_be_bytes(*n)))
}
