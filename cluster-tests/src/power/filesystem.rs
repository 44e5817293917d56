use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};
use std::{fs, io};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};

use super::disk::{Damage, Disk, Ignored};
use super::names::ROOT;

/// Nothing may be cached: a loss of power changes files behind the kernel's back.
const FRESH: Duration = Duration::ZERO;
/// The size the disk claims to have.
const CAPACITY: u64 = 8 << 30;
const BLOCK: u32 = 4096;

/// A directory on a disk whose power can be cut.
pub struct Mounted {
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
}

struct Shared {
    disk: Mutex<Disk>,
    powered: AtomicBool,
}

struct Face(Arc<Shared>);

impl Mounted {
    /// Mounts an empty disk at a directory, which is made.
    pub fn new(at: &Path, ignored: Ignored) -> io::Result<Self> {
        fs::create_dir_all(at)?;
        let powered = AtomicBool::new(true);
        let shared = Arc::new(Shared { disk: Mutex::new(Disk::new(ignored)), powered });
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("power".to_owned()), MountOption::NoAtime];
        let session = fuser::spawn_mount(Face(Arc::clone(&shared)), at, &config)?;
        Ok(Self { shared, session: Some(session) })
    }

    /// From now on nothing is read, written or synced any more.
    pub fn power_off(&self) {
        // The lock lets a call that has begun end first.
        let _disk = self.shared.disk();
        self.shared.powered.store(false, Ordering::SeqCst);
    }

    /// Power is back; what was not synced is lost in part. Whoever used the disk must have ended.
    pub fn power_on(&self, random: &mut fastrand::Rng) -> Damage {
        let damage = self.shared.disk().cut(random);
        self.shared.powered.store(true, Ordering::SeqCst);
        damage
    }

    /// Unmounts it.
    pub fn unmount(mut self) -> io::Result<()> {
        self.session.take().map_or(Ok(()), BackgroundSession::umount_and_join)
    }
}

impl Shared {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Face {
    fn on(&self) -> Result<MutexGuard<'_, Disk>, Errno> {
        let disk = self.0.disk();
        if self.0.powered.load(Ordering::SeqCst) { Ok(disk) } else { Err(Errno::EIO) }
    }

    fn entry(&self, parent: INodeNo, name: &OsStr) -> Result<FileAttr, Errno> {
        let disk = self.on()?;
        attributes(&disk, disk.names.get(parent.0, name).ok_or(Errno::ENOENT)?)
    }

    fn free_name(disk: &Disk, parent: INodeNo, name: &OsStr) -> Result<(), Errno> {
        if disk.names.get(parent.0, name).is_some() { Err(Errno::EEXIST) } else { Ok(()) }
    }

    fn remove(&self, parent: INodeNo, name: &OsStr, directory: bool) -> Result<(), Errno> {
        let mut disk = self.on()?;
        let inode = disk.names.get(parent.0, name).ok_or(Errno::ENOENT)?;
        match (directory, disk.is_directory(inode)) {
            (false, true) => return Err(Errno::EISDIR),
            (true, false) => return Err(Errno::ENOTDIR),
            (true, true) if disk.names.list(inode).next().is_some() => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
        disk.names.unlink(parent.0, name);
        Ok(())
    }
}

fn attributes(disk: &Disk, inode: u64) -> Result<FileAttr, Errno> {
    let (kind, size, perm) = match disk.file(inode) {
        Some(file) => (FileType::RegularFile, file.bytes().len() as u64, 0o600),
        None if inode == ROOT || disk.is_directory(inode) => (FileType::Directory, 0, 0o700),
        None => return Err(Errno::ENOENT),
    };
    Ok(FileAttr {
        ino: INodeNo(inode),
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    })
}

fn answer(reply: ReplyEmpty, result: Result<(), Errno>) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn answer_entry(reply: ReplyEntry, result: Result<FileAttr, Errno>) {
    match result {
        Ok(attributes) => reply.entry(&FRESH, &attributes, Generation(0)),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Face {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer_entry(reply, self.entry(parent, name));
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.on().and_then(|disk| attributes(&disk, inode.0)) {
            Ok(attributes) => reply.attr(&FRESH, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<std::time::SystemTime>,
        _handle: Option<FileHandle>,
        _crtime: Option<std::time::SystemTime>,
        _chgtime: Option<std::time::SystemTime>,
        _bkuptime: Option<std::time::SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let result = self.on().and_then(|mut disk| {
            if let (Some(size), Some(file)) = (size, disk.file_mut(inode.0)) {
                file.resize(size);
            }
            attributes(&disk, inode.0)
        });
        match result {
            Ok(attributes) => reply.attr(&FRESH, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _mode: u32, _umask: u32, reply: ReplyEntry) {
        let made = self.on().and_then(|mut disk| {
            Self::free_name(&disk, parent, name)?;
            let inode = disk.make_directory(parent.0, name);
            attributes(&disk, inode)
        });
        answer_entry(reply, made);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.remove(parent, name, false));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.remove(parent, name, true));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let renamed = self.on().and_then(|mut disk| {
            if flags.contains(RenameFlags::RENAME_NOREPLACE) {
                Self::free_name(&disk, new_parent, new_name)?;
            }
            let (from, to) = ((parent.0, name.to_owned()), (new_parent.0, new_name.to_owned()));
            if disk.rename(from, to) { Ok(()) } else { Err(Errno::ENOENT) }
        });
        answer(reply, renamed);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.on() {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
            Err(error) => reply.error(error),
        }
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let created = self.on().and_then(|mut disk| {
            Self::free_name(&disk, parent, name)?;
            let inode = disk.create(parent.0, name);
            attributes(&disk, inode)
        });
        match created {
            Ok(attributes) => {
                let flags = FopenFlags::FOPEN_DIRECT_IO;
                reply.created(&FRESH, &attributes, Generation(0), FileHandle(0), flags);
            }
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.on() {
            Ok(disk) => match disk.file(inode.0) {
                Some(file) => {
                    let bytes = file.bytes();
                    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                    let end = start.saturating_add(size as usize).min(bytes.len());
                    reply.data(&bytes[start..end]);
                }
                None => reply.error(Errno::EIO),
            },
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.on() {
            Ok(mut disk) => match disk.file_mut(inode.0) {
                Some(file) => {
                    file.write(offset, data);
                    reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX));
                }
                None => reply.error(Errno::EIO),
            },
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.on().map(|mut disk| disk.sync_file(inode.0)));
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.on().map(|mut disk| disk.sync_directory(inode.0)));
    }

    fn readdir(&self, _: &Request, inode: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let disk = match self.on() {
            Ok(disk) => disk,
            Err(error) => return reply.error(error),
        };
        let itself = [".", ".."].map(|name| (OsStr::new(name), inode.0));
        let all = itself.into_iter().chain(disk.names.list(inode.0));
        for (place, (name, each)) in (1..).zip(all).skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            let is_file = disk.file(each).is_some();
            let kind = if is_file { FileType::RegularFile } else { FileType::Directory };
            if reply.add(INodeNo(each), place, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let used = self.0.disk().size();
        let [all, free] = [CAPACITY, CAPACITY.saturating_sub(used)].map(|bytes| bytes / u64::from(BLOCK));
        reply.statfs(all, free, free, 1 << 20, 1 << 20, BLOCK, 255, BLOCK);
    }
}
