"""Write: the files of a dataset, and what a run of collect reports at its end."""

from collect.write.balance import balance_warnings
from collect.write.change import is_unsettled, settle
from collect.write.credits import license_warnings
from collect.write.dataset import write_dataset
from collect.write.images import name_files
from collect.write.recipe import Collected, no_manifest, published, read_dataset_file, remember_recipe
from collect.write.shortfall import class_shortfall, count_shortfall
from collect.write.summary import Summary, duplicate_notes, missing_extra, recorded_rejects, summarise
