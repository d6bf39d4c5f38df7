"""Would more devices, or cutting them up another way, serve a queue?"""

from aliquot.placement.planning.answer import Answer, answer
from aliquot.placement.planning.scenarios import Scenario, scenarios

__all__ = ["Answer", "Scenario", "answer", "scenarios"]
