"""The files that are mapped into this process: its interpreter and its libraries.

Another process with the same files, such as a viewer from the same image that wakes and ends, makes the kernel count
their pages as active when it ends. They are charged to the container that needed them first. So the working set of a
collector or of a sleeping viewer, by which the kubelet evicts, would grow by what a viewer used.

Source: zap_present_folio_ptes() in mm/memory.c (folio_mark_accessed)
"""

import ctypes

_LIBRARY = ctypes.CDLL(None)
_LIBRARY.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_MADV_COLD = 20  # asm-generic/mman-common.h; Linux 5.4


def deactivate() -> None:
    """Make the kernel count the pages as inactive again that no other process has mapped.

    It takes back none of them: if memory is short, it keeps those of programs that were used since.
    Source: madvise(2). Older kernels refuse the advice, which changes nothing.
    """
    try:
        with open("/proc/self/maps", "rb") as file:
            mappings = file.read().splitlines()
    except OSError:  # no descriptor is free
        return
    for mapping in mappings:
        addresses, permissions, _, _, inode = mapping.split(None, 5)[:5]
        if inode != b"0" and b"w" not in permissions:
            first, end = (int(address, 16) for address in addresses.split(b"-"))
            _LIBRARY.madvise(first, end - first, _MADV_COLD)
