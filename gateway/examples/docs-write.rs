//! Writes the generated pages of `docs/`: `make docs-write`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for page in roomcast::docs::pages() {
        std::fs::write(top.join(page.path), page.text)?;
    }
    Ok(())
}
