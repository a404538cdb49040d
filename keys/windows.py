"""Access lists of Windows files (``keys.private.AccessLists``) through advapi32 and kernel32; None elsewhere.

Functions and constants as in Microsoft's reference of ``CreateFileW``, ``GetSecurityInfo``, ``GetTokenInformation``,
``ConvertStringSecurityDescriptorToSecurityDescriptorW`` and their neighbours. What they allocate is freed here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from keys.private import AccessLists

WINDOWS: AccessLists | None = None

if sys.platform == "win32":
    import ctypes
    import msvcrt
    from ctypes import wintypes

    _POINTER, _HANDLE, _WORD, _TEXT = ctypes.c_void_p, wintypes.HANDLE, wintypes.DWORD, wintypes.LPCWSTR
    _OUT = ctypes.POINTER(ctypes.c_void_p)
    _WRITE_AND_READ_CONTROL, _CREATE_NEW, _NORMAL = 0x40000000 | 0x00020000, 1, 0x80
    _TOKEN_QUERY, _TOKEN_USER, _FILE_OBJECT, _DACL, _REVISION = 0x0008, 1, 1, 0x0004, 1
    _INVALID_HANDLE = ctypes.c_void_p(-1).value

    class _SecurityAttributes(ctypes.Structure):
        _fields_ = (("length", _WORD), ("descriptor", _POINTER), ("inherit", wintypes.BOOL))

    class _System:
        def __init__(self) -> None:
            advapi = ctypes.WinDLL("advapi32", use_last_error=True)
            kernel = ctypes.WinDLL("kernel32", use_last_error=True)
            attributes = ctypes.POINTER(_SecurityAttributes)
            self._create = kernel.CreateFileW
            self._create.argtypes = (_TEXT, _WORD, _WORD, attributes, _WORD, _WORD, _HANDLE)
            self._create.restype = _HANDLE
            self._process = kernel.GetCurrentProcess
            self._process.argtypes = ()
            self._process.restype = _HANDLE
            self._close = kernel.CloseHandle
            self._close.argtypes = (_HANDLE,)
            self._free = kernel.LocalFree
            self._free.argtypes = (_POINTER,)
            self._free.restype = _POINTER
            self._token = advapi.OpenProcessToken
            self._token.argtypes = (_HANDLE, _WORD, ctypes.POINTER(_HANDLE))
            self._information = advapi.GetTokenInformation
            self._information.argtypes = (_HANDLE, ctypes.c_int, _POINTER, _WORD, ctypes.POINTER(_WORD))
            self._name = advapi.ConvertSidToStringSidW
            self._name.argtypes = (_POINTER, _OUT)
            self._read = advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW
            self._read.argtypes = (_TEXT, _WORD, _OUT, _POINTER)
            self._write = advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW
            self._write.argtypes = (_POINTER, _WORD, _WORD, _OUT, _POINTER)
            self._security = advapi.GetSecurityInfo
            self._security.argtypes = (_HANDLE, ctypes.c_int, _WORD, _OUT, _OUT, _OUT, _OUT, _OUT)
            self._security.restype = _WORD

        def user(self) -> str:
            token, size, name = _HANDLE(), _WORD(), _POINTER()
            _require(self._token(self._process(), _TOKEN_QUERY, ctypes.byref(token)))
            try:
                # A TOKEN_USER: the address of the identifier, some flags, and the identifier (68 bytes at most).
                found = ctypes.create_string_buffer(256)
                _require(self._information(token, _TOKEN_USER, found, len(found), ctypes.byref(size)))
                _require(self._name(_POINTER.from_buffer(found), ctypes.byref(name)))
            finally:
                self._close(token)
            return self._text(name)

        def create(self, path: Path, access: str) -> int:
            descriptor = self._descriptor(access)
            try:
                attributes = _SecurityAttributes(ctypes.sizeof(_SecurityAttributes), descriptor, False)
                how = (_WRITE_AND_READ_CONTROL, 0, ctypes.byref(attributes), _CREATE_NEW, _NORMAL, None)
                handle = self._create(str(path), *how)
                _require(handle != _INVALID_HANDLE)
            finally:
                self._free(descriptor)
            return msvcrt.open_osfhandle(handle, os.O_WRONLY | os.O_BINARY | os.O_NOINHERIT)

        def access(self, descriptor: int) -> str:
            found = _POINTER()
            nothing = (None, None, None, None)
            handle = msvcrt.get_osfhandle(descriptor)
            code = self._security(handle, _FILE_OBJECT, _DACL, *nothing, ctypes.byref(found))
            if code:
                raise ctypes.WinError(code)
            return self._as_text(found)

        def normal(self, access: str) -> str:
            return self._as_text(self._descriptor(access))

        def _descriptor(self, access: str) -> ctypes.c_void_p:
            found = _POINTER()
            _require(self._read(access, _REVISION, ctypes.byref(found), None))
            return found

        def _as_text(self, descriptor: ctypes.c_void_p) -> str:
            text = _POINTER()
            try:
                _require(self._write(descriptor, _REVISION, _DACL, ctypes.byref(text), None))
            finally:
                self._free(descriptor)
            return self._text(text)

        def _text(self, found: ctypes.c_void_p) -> str:
            try:
                return ctypes.wstring_at(found.value or 0)
            finally:
                self._free(found)

    def _require(worked: int) -> None:
        if not worked:
            raise ctypes.WinError(ctypes.get_last_error())

    WINDOWS = _System()
