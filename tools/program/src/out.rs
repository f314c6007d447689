//! Standard output that may be closed: `… | head -1`.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write, stderr, stdout},
    process,
};

/// Standard output. Once nobody reads it any more, the next write ends the program, with 0: whoever closed it has read enough.
///
/// The signal that a closed pipe sends is no way to end a program here: it would also end one that writes to a connection which
/// its other side has closed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        read(stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        read(stdout().flush())
    }

    /// In one piece, whatever other threads write.
    fn write_fmt(&mut self, words: Arguments<'_>) -> io::Result<()> {
        read(stdout().lock().write_fmt(words))
    }
}

/// Ends the program if nobody reads what it writes.
fn read<T>(written: io::Result<T>) -> io::Result<T> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        written => written,
    }
}

/// Writes these words to [`Out`]; [`print!`](crate::print) and [`println!`](crate::println) call it. If that can't be done, as
/// on a full disk, the program says so on standard error, and ends with 1.
pub fn say(words: Arguments<'_>) {
    if let Err(error) = Out.write_fmt(words) {
        // Where that can't be said either, the exit code says it.
        let _ = writeln!(stderr(), "standard output can't be written: {error}");
        process::exit(1);
    }
}

/// As [`std::print`], but a closed pipe ends the program quietly.
#[macro_export]
macro_rules! print {
    ($($words:tt)*) => { $crate::say(::std::format_args!($($words)*)) };
}

/// As [`std::println`], but a closed pipe ends the program quietly.
#[macro_export]
macro_rules! println {
    () => { $crate::say(::std::format_args!("\n")) };
    ($($words:tt)*) => { $crate::say(::std::format_args!("{}\n", ::std::format_args!($($words)*))) };
}
