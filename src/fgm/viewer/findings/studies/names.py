"""Names of the studies of single series, as dashboards and requests have them."""

from typing import Literal, get_args

StudyName = Literal["trend", "changepoint", "periodicity"]
STUDIES: tuple[StudyName, ...] = get_args(StudyName)
