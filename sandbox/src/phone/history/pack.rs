//! Packs as phones do.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

/// A zlib stream of some bytes.
pub(super) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let packed = packer.write_all(data).and_then(|()| packer.finish());
    packed.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_unpacks_it() {
        let data = b"again and ".repeat(1_000);
        let packed = zlib(&data);
        assert!(packed.len() < 200, "{}", packed.len());
        assert_eq!(wacore_binary::zlib_pool::decompress_zlib_pooled(&packed, 20_000).unwrap(), data);
    }
}
