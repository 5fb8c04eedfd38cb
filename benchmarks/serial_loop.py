"""The loop of most notebooks: flickrapi, requests.get, scikit-image reads and saves. For benchmarks/collecting.py.

`python -m benchmarks.serial_loop API_URL NUMBER FOLDER`
"""

import io
import sys
from pathlib import Path

import flickrapi
import requests
from skimage.io import imread, imsave


def main(url: str, number: int, folder: Path) -> None:
    """Fetch `number` photos one after another."""
    api = flickrapi.FlickrAPI("key", "secret", format="parsed-json", store_token=False)
    api.REST_URL = url
    folder.mkdir(parents=True, exist_ok=True)
    done, page = 0, 1
    while done < number:
        for item in api.photos.search(text="car", per_page=500, page=page, extras="url_z")["photos"]["photo"]:
            image = imread(io.BytesIO(requests.get(item["url_z"], timeout=30).content))
            imsave(folder / f"{item['id']}.jpg", image, check_contrast=False)
            done += 1
            if done == number:
                break
        page += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
