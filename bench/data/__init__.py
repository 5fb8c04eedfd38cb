"""The data of a run: which images, decoded and packed once, and batches of them on the device."""

from bench.data.augment import augment_images
from bench.data.batches import MEAN, STD, LabelledInputs, TrainingData, iterate_batches, labelled_inputs, to_input
from bench.data.decode import DECODER, decode_images, image_errors, read_file, read_picture
from bench.data.pack import PACK_VERSION, Pack, pack_images
from bench.data.select import Selection, read_overlap_list, select_images
from bench.data.source import Source, open_source, split_of
