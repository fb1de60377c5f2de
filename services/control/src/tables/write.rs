//! From rows to a file that only its owner can read.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::guard::guard;
use super::sheet::Sheet;

/// How files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// `,`, `;` or a tab.
    pub delimiter: u8,
}

impl Default for Style {
    fn default() -> Self {
        Style { delimiter: b',' }
    }
}

/// The bytes of a table: UTF-8 with BOM. `extra` holds the cells of the added columns, row by row; a missing row or cell
/// is empty.
pub fn sheet_bytes<T: Sheet>(
    rows: &[T],
    extra_columns: &[String],
    extra: &[Vec<String>],
    style: Style,
) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(style.delimiter)
        .flexible(true)
        .from_writer("\u{feff}".as_bytes().to_vec());
    let added = extra_columns.iter().map(String::as_str);
    let header: Vec<String> = T::COLUMNS.iter().copied().chain(added).map(guard).collect();
    writer.write_record(&header).expect("memory can be written");
    let none = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let own = row.cells();
        let others = extra.get(at).unwrap_or(&none);
        let others = (0..extra_columns.len()).map(|column| others.get(column).map_or("", String::as_str));
        let cells: Vec<String> = own.iter().map(String::as_str).chain(others).map(guard).collect();
        writer.write_record(&cells).expect("memory can be written");
    }
    writer.into_inner().expect("memory can be written")
}

/// Writes a table to a file with mode 0600.
pub fn write_sheet<T: Sheet>(
    path: &Path,
    rows: &[T],
    extra_columns: &[String],
    extra: &[Vec<String>],
    style: Style,
) -> io::Result<()> {
    write_private(path, &sheet_bytes(rows, extra_columns, extra, style))
}

/// Replaces the file as a whole or not at all; mode 0600, since it holds customers and people.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let part = path.with_file_name(name);
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn only_the_owner_can_read_the_file_also_when_it_stood_open_before() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.csv");
        std::fs::write(&path, "old").unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
