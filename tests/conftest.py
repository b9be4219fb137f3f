"""What holds for all tests: no example is too slow, for how long one takes is the machine's affair."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
