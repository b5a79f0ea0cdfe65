"""What tests share: faults laid over a World, nameservers on loopback, and worlds written as zone text."""

from .faults import Faults
from .nameserver import Nameserver, reply_to
from .worlds import patch_file, world_of, zone_file

__all__ = ["Faults", "Nameserver", "patch_file", "reply_to", "world_of", "zone_file"]
